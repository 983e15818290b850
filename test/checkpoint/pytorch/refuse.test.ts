import { describe, expect, it } from 'vitest';
import { readPyTorch } from '../../../src/checkpoint/pytorch/index.js';
import { readSafetensors } from '../../../src/checkpoint/safetensors.js';
import { CheckpointError } from '../../../src/errors/index.js';
import { errorOf } from '../../helpers/error-of.js';
import {
  archiveEntries,
  archiveFile,
  called,
  counted,
  dictionary,
  global,
  integer,
  legacyFile,
  list,
  magic,
  none,
  ops,
  storage,
  tensor,
  text,
  tuple,
  uint32,
  uint64,
  zipFile,
  type ZipEntry,
} from './craft.js';
import { pytorchFile } from './fixtures.js';

const floats = (...values: number[]) => Buffer.from(Float32Array.from(values).buffer);
const refusal = (bytes: Uint8Array) => {
  const error = errorOf(() => readPyTorch(bytes, 'model.pth'));
  expect(error).toBeInstanceOf(CheckpointError);
  expect(error.message).toMatch(/^model\.pth cannot be read as a PyTorch file: /);
  return error.message;
};

/** Six floats, 0 to 5, seen through this view. */
const view = (shape: number[], strides: number[], offset = 0) =>
  archiveFile(tensor(storage('0', 'FloatStorage', 6), { shape, strides, offset }), {
    0: floats(0, 1, 2, 3, 4, 5),
  });

describe('what is not plain data', () => {
  it.each([
    ['module', /torch\.nn\.modules\.linear\.Linear\n[^]*state_dict/],
    ['command', /never run[^]*posix\.system/],
    ['array', /numpy\._core\.multiarray\._reconstruct/],
    ['sparse', /torch\._utils\._rebuild_sparse_tensor/],
    ['storage', /torch\.storage\.UntypedStorage/],
    ['complex', /torch\.ComplexFloatStorage/],
    ['set', /builtin.*\.set/],
    ['int64', /I64 .*int32\n.*2147483648/],
    ['float64', /F64 .*float32\n.*1e\+39/],
  ])('is refused by name: %s', (name, message) => {
    expect(refusal(pytorchFile(`refused-${name}.pth`))).toMatch(message);
  });

  it('is not run', () => {
    const command = called('os.system', text('exit 1'));
    expect(refusal(legacyFile(command))).toMatch(/os\.system/);
    expect(refusal(archiveFile(command))).toMatch(/os\.system/);
    expect(refusal(legacyFile(called('constructor.constructor', text('return 1'))))).toMatch(/constructor/);
    expect(refusal(legacyFile(called('__proto__.toString')))).toMatch(/__proto__/);
    expect(refusal(legacyFile(ops(text('os'), text('system'), '\x93')))).toMatch(/os\.system/);
  });

  it.each([
    ['a function itself', global('torch._utils._rebuild_tensor_v2')],
    ['a type of storages', global('torch.FloatStorage')],
    ['a type of numbers', called('numpy.dtype', text('f8'), ops('\x89'), ops('\x88'))],
    ['bytes', ops('C\x02ab')],
  ])('is refused in the result: %s', (_, value) => {
    expect(refusal(legacyFile(list(value)))).toMatch(/other than tensors and plain values/);
  });

  it('prototypes stay as they are', () => {
    const value = dictionary({ __proto__: none, constructor: integer(1) });
    expect(readPyTorch(legacyFile(dictionary({ a: value })), '')).toEqual(
      new Map([['a', new Map([['constructor', 1]])]]),
    );
    const proto = legacyFile(ops('}', text('__proto__'), dictionary({ polluted: integer(1) }), 's'));
    expect(readPyTorch(proto, '')).toEqual(new Map([['__proto__', new Map([['polluted', 1]])]]));
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
  });
});

describe('views', () => {
  it('are read in row-major order', () => {
    expect(readPyTorch(view([3, 2], [1, 3]), '')).toEqual({
      dtype: 'float32',
      shape: [3, 2],
      values: Float32Array.of(0, 3, 1, 4, 2, 5),
    });
  });

  it.each([
    ['too long', view([7], [1])],
    ['too far', view([2, 2], [4, 2])],
    ['an offset too far', view([1], [1], 6)],
    ['offset and shape too far', view([3], [2], 2)],
    ['axes without strides', view([2, 2], [1])],
    ['strides without axes', view([2], [1, 1])],
    ['an enormous stride', view([2], [2 ** 52])],
  ])('beyond their storage are refused: %s', (_, bytes) => {
    expect(refusal(bytes)).toMatch(/beyond its storage\n[^]*storage 0 has 6 elements/);
  });

  it.each([
    ['a negative stride', view([2], [-1], 3)],
    ['a negative side', view([-2], [1])],
    ['a negative offset', view([2], [1], -1)],
    ['65 axes', view(Array<number>(65).fill(1), Array<number>(65).fill(1))],
    ['a side beyond 2^53', view([2 ** 60], [0])],
  ])('that are malformed are refused: %s', (_, bytes) => {
    expect(refusal(bytes)).toMatch(/a tensor is malformed/);
  });

  it('that repeat one element may take twice the size of the file, and no more', () => {
    expect(refusal(view([2 ** 30], [0]))).toMatch(/far more memory/);
    expect(refusal(view([2 ** 50, 2 ** 50, 2 ** 50], [0, 0, 0]))).toMatch(/far more memory/);
    const thousands = list(
      ...Array.from({ length: 5000 }, () =>
        tensor(storage('0', 'FloatStorage', 1), { shape: [1000], strides: [0] }),
      ),
    );
    expect(refusal(archiveFile(thousands, { 0: floats(1) }))).toMatch(/far more memory/);
  });

  it('with a side of 0 are empty, however large the others are', () => {
    const shape = [2 ** 50, 0, 2 ** 50];
    const empty = { dtype: 'float32', shape, values: new Float32Array() };
    expect(readPyTorch(view(shape, [1, 1, 1], 100), '')).toEqual(empty);
  });
});

describe('storages', () => {
  const ones = tensor(storage('0', 'FloatStorage', 2), { shape: [2], strides: [1] });

  it.each([
    ['archive, too short', archiveFile(ones, { 0: floats(1) }), /another size[^]*4 bytes\n.*8 bytes/],
    ['archive, too long', archiveFile(ones, { 0: floats(1, 1, 1) }), /another size/],
    ['archive, missing', archiveFile(ones, { 1: floats(1, 1) }), /lacks a\/data\/0/],
    ['legacy, too short', legacyFile(ones, { 0: counted(2, floats(1)) }), /cut short/],
    ['legacy, too long', legacyFile(ones, { 0: counted(2, floats(1, 1, 1)) }), /something follows/],
    ['legacy, another count', legacyFile(ones, { 0: counted(3, floats(1, 1, 1)) }), /another size/],
    ['legacy, an enormous count', legacyFile(ones, { 0: ops(uint64(2n ** 63n)) }), /impossible size/],
    ['legacy, missing', legacyFile(ones), /storage 0 is missing/],
    ['legacy, one too many', legacyFile(ones, { 1: counted(0, floats()) }), /no tensor/],
    [
      'of two sizes',
      archiveFile(list(ones, storage('0', 'FloatStorage', 1)), { 0: floats(1, 1) }),
      /two sizes or types/,
    ],
    [
      'of two types',
      archiveFile(list(ones, storage('0', 'IntStorage', 2)), { 0: floats(1, 1) }),
      /two sizes or types/,
    ],
    [
      'of no known type',
      archiveFile(storage('0', 'FooStorage', 2), { 0: floats(1, 1) }),
      /torch\.FooStorage/,
    ],
    ['of a negative size', archiveFile(storage('0', 'FloatStorage', -2)), /storage is malformed/],
    ['named by no tuple', archiveFile(ops(text('0'), 'Q')), /storage is malformed/],
  ])('%s', (_, bytes, message) => {
    expect(refusal(bytes)).toMatch(message);
  });
});

describe('pickles', () => {
  const depth = (levels: number) => ops(']'.repeat(levels), 'a'.repeat(levels - 1));
  /** Each level holds the one below twice. */
  const laughs = (levels: number) =>
    ops(']', ...Array.from({ length: levels }, () => ops('q\x000](h\0h\0e')));

  it.each([
    ['no value', Buffer.alloc(0), /takes a value that is not there|other than one value/],
    ['two values', ops('NN'), /other than one value/],
    ['a mark left', ops('(N'), /other than one value/],
    ['no mark', ops('t'), /a mark that is not there/],
    ['a value below the mark', ops('N(0'), /a value that is not there/],
    ['a forgotten memo', ops('h\x07'), /never remembered\n.*7/],
    ['an unknown operation', ops('i'), /operation[^]*0x69 at byte/],
    ['protocol 0', ops('\x80\0N'), /unknown pickle protocol/],
    ['an instance', ops(')', global('torch.Size'), ')\x81'), /operation[^]*0x81/],
    ['a call of a list', ops('])R'), /no function/],
    ['a call of a storage type', called('torch.FloatStorage'), /torch\.FloatStorage cannot be called/],
    ['a call without arguments', ops(global('collections.OrderedDict'), 'NR'), /None/],
    ['a state of a list', ops(']Nb'), /takes none/],
    ['a state of a dictionary', ops('}', dictionary({ lr: none }), 'b'), /takes none/],
    ['an append to a dictionary', ops('}Na'), /no list/],
    ['an entry of a list', ops(']NNs'), /no dictionary/],
    ['half an entry', ops('}(Nu'), /no dictionary/],
    ['a key twice', ops('}(K\x01NK\x01Nu'), /twice in a dictionary/],
    ['a key that is a list', ops('}(]Nu'), /neither text nor a number/],
    ['a long text', ops('X', uint32(2 ** 32 - 1), 'ab'), /cut short/],
    ['an endless text', ops('\x8d', uint64(2n ** 64n - 1n)), /impossible size/],
    ['bytes beyond the end', ops('B', uint32(2 ** 31)), /cut short/],
    ['a text that is not UTF-8', ops('X', uint32(1), '\xff'), /not UTF-8/],
    ['an enormous number', ops('\x8b', uint32(2 ** 31)), /enormous whole number/],
    ['a line without end', ops('cos'), /cut short/],
    ['a list in itself', ops(']q\0h\0a'), /holds itself/],
    ['a dictionary in itself', ops('}q\0', text('a'), 'h\0s'), /holds itself/],
    ['depth', depth(1000), /nested too deep/],
    ['depth beyond the stack', depth(100_000), /nested too deep|far more memory/],
    [
      'depth through the memo',
      ops(depth(60), 'q\x000]', ']'.repeat(60), 'h\0', 'a'.repeat(61)),
      /nested too deep/,
    ],
    ['a billion laughs', laughs(60), /over and over/],
    ['a million dictionaries', ops('](', '}'.repeat(1e6), 'e'), /far more memory/],
    [
      'a number of another byte order',
      ops(called('numpy.dtype', text('f8'), ops('\x89'), ops('\x88')), tuple(integer(3), text('>')), 'b'),
      /little-endian/,
    ],
    [
      'a number that does not fit its bytes',
      called(
        'numpy.core.multiarray.scalar',
        called('numpy.dtype', text('f8'), ops('\x89'), ops('\x88')),
        ops('C\x04abcd'),
      ),
      /f8 in 4 bytes/,
    ],
    [
      'a number of objects',
      called('numpy.dtype', text('O8'), ops('\x89'), ops('\x88')),
      /dtype is malformed/,
    ],
  ])('%s', (_, value, message) => {
    expect(refusal(legacyFile(value))).toMatch(message);
  });

  it('may share values', () => {
    const shared = readPyTorch(legacyFile(laughs(3)), '') as unknown[];
    expect(shared).toEqual([
      [
        [[], []],
        [[], []],
      ],
      [
        [[], []],
        [[], []],
      ],
    ]);
    expect(shared[0]).toBe(shared[1]);
  });

  it('may be 100 deep', () => {
    expect(() => readPyTorch(legacyFile(depth(100)), '')).not.toThrow();
    expect(refusal(legacyFile(depth(101)))).toMatch(/nested too deep/);
  });
});

describe('archives', () => {
  const entries = archiveEntries(tensor(storage('0', 'FloatStorage', 1), { shape: [], strides: [] }), {
    0: floats(7),
  });
  const [pickle, memory] = entries as [ZipEntry, ZipEntry];
  const whole = zipFile(entries);
  const seven = { dtype: 'float32', shape: [], values: Float32Array.of(7) };
  const genuine = pytorchFile('views.pth');
  /** A copy of the genuine file with this byte, counted from its end, changed. */
  const endChanged = (fromEnd: number) => {
    const bytes = Buffer.from(genuine);
    bytes[bytes.length - fromEnd] = 77;
    return bytes;
  };

  it('that are plain are read, also with fields of 64 bits', () => {
    expect(readPyTorch(whole, '')).toEqual(seven);
    expect(readPyTorch(zipFile(entries.map(entry => ({ ...entry, long: true }))), '')).toEqual(seven);
  });

  it.each([
    ['compressed', zipFile([pickle, { ...memory, method: 8 }]), /compressed[^]*torch\.save/],
    ['encrypted', zipFile([pickle, { ...memory, flags: 1 }]), /encrypted/],
    ['another checksum', zipFile([pickle, { ...memory, crc: 1 }]), /a\/data\/0.*checksum/],
    ['the pickle altered', zipFile([{ ...pickle, crc: 1 }, memory]), /data\.pkl.*checksum/],
    ['a name twice', zipFile([...entries, memory]), /twice/],
    ['an overlap', zipFile([pickle, { ...memory, start: 0 }]), /overlaps/],
    ['an entry across the next', zipFile([{ ...pickle, size: pickle.data.length + 4 }, memory]), /overlaps/],
    [
      'another name at the entry',
      zipFile([pickle, { ...memory, localName: 'a/data/1' }]),
      /header of a\/data\/0/,
    ],
    ['an entry beyond the end', zipFile([pickle, { ...memory, start: 2 ** 31 }]), /cut short/],
    ['an enormous entry', zipFile([pickle, { ...memory, size: 2 ** 31 }]), /cut short/],
    ['64 bits without a field', zipFile([pickle, { ...memory, size: 2 ** 32 - 1 }]), /cut short/],
    ['too many entries', zipFile(entries, { count: 3 }), /directory is damaged/],
    ['a part of several', zipFile(entries, { disk: 1 }), /end of the archive/],
    ['a comment', zipFile(entries, { comment: 'x'.repeat(30) }), /not at its end/],
    [
      'an archive in its comment',
      zipFile(entries, { comment: whole.toString('latin1') }),
      /end of the archive|directory/,
    ],
    ['two archives', ops(whole, whole), /end of the archive/],
    ['something before', ops('PK\x03\x04', whole), /end of the archive/],
    ['two pickles', zipFile([...entries, { ...pickle, name: 'b/data.pkl' }]), /2 entries named data\.pkl/],
    ['no pickle', zipFile([memory]), /0 entries named data\.pkl/],
    [
      'big-endian',
      zipFile([...entries, { name: 'a/byteorder', data: Buffer.from('big') }]),
      /byte order[^]*big/,
    ],
    [
      'bytes after the pickle',
      zipFile([{ ...pickle, data: ops(pickle.data, 'N') }, memory]),
      /follows its pickle/,
    ],
    ['only its beginning', Buffer.from('PK\x03\x04'), /cut short/],
    ['another place of the 64-bit end', endChanged(34), /end of the archive/],
    ['another count in the 64-bit end', endChanged(22 + 20 + 24), /end of the archive/],
    ['another start in the 64-bit end', endChanged(22 + 20 + 8), /end of the archive/],
  ])('%s', (_, bytes, message) => {
    expect(refusal(bytes)).toMatch(message);
  });

  it('cut anywhere are refused', () => {
    for (let length = 0; length < genuine.length; length++) refusal(genuine.subarray(0, length));
  });
});

describe('the format before PyTorch 1.6', () => {
  it.each([
    ['no bytes', Buffer.alloc(0), /neither of the formats/],
    ['a text file', Buffer.from('epoch,loss\n1,2\n'), /neither of the formats/],
    ['another magic number', legacyFile(none, {}, integer(7)), /neither of the formats/],
    ['a magic number alone', ops('\x80\x02', magic, '.'), /cut short/],
    [
      'big-endian',
      ops(
        ...[magic, integer(1001), dictionary({ little_endian: ops('\x89') })].map(part =>
          ops('\x80\x02', part, '.'),
        ),
      ),
      /byte order/,
    ],
    [
      'another version',
      ops(...[magic, integer(1002)].map(part => ops('\x80\x02', part, '.'))),
      /unknown version[^]*1002/,
    ],
  ])('%s', (_, bytes, message) => {
    expect(refusal(bytes)).toMatch(message);
  });

  it('cut anywhere is refused', () => {
    const whole = pytorchFile('views-legacy.pth');
    for (let length = 0; length < whole.length; length++) refusal(whole.subarray(0, length));
  });
});

describe('safetensors from elsewhere', () => {
  it.each([
    ['int64-beyond', /"large".*I64.*int32\n.*2147483648/],
    ['float64-beyond', /"large".*F64.*float32\n.*1e\+39/],
  ])('%s is refused', (name, message) => {
    const bytes = pytorchFile(`${name}.safetensors`);
    expect(errorOf(() => readSafetensors(bytes, 'a.safetensors')).message).toMatch(message);
  });

  it('whose header would take far more memory than the file is refused', () => {
    const header = Buffer.from(`{"a":[${'[],'.repeat(500_000)}[]]}`);
    expect(errorOf(() => readSafetensors(ops(uint64(header.length), header), 'a')).message).toMatch(
      /far more memory/,
    );
  });

  it('with thousands of axes is read in time', () => {
    const shape = Array.from({ length: 50_000 }, () => 0).join();
    const header = Buffer.from(`{"a":{"dtype":"F32","shape":[${shape}],"data_offsets":[0,0]}}`);
    expect(readSafetensors(ops(uint64(header.length), header), 'a').tensors.get('a')?.values.length).toBe(0);
  });
});
