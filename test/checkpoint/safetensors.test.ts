import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeSafetensors, encodeSafetensors as encodeInParts } from '../../src/checkpoint/safetensors.js';
import type { TensorData } from '../../src/checkpoint/tensor-data.js';
import { CheckpointError } from '../../src/errors/index.js';
import { errorOf } from '../helpers/error-of.js';

const encodeSafetensors = (...given: Parameters<typeof encodeInParts>) =>
  Buffer.concat(encodeInParts(...given));
const fixture = (name: string) => readFileSync(join(import.meta.dirname, '../fixtures/safetensors', name));

/** What make.py put into mixed.safetensors. */
const mixed = new Map<string, TensorData>([
  ['statistics/count', { dtype: 'int32', shape: [], values: Int32Array.of(7) }],
  [
    'parameters/weight',
    { dtype: 'float32', shape: [2, 3, 4], values: Float32Array.from({ length: 24 }, (_, i) => i / 8 - 1) },
  ],
  ['parameters/empty', { dtype: 'float32', shape: [0, 3], values: new Float32Array() }],
  ['steps', { dtype: 'int32', shape: [4], values: Int32Array.of(-(2 ** 31), -1, 0, 2 ** 31 - 1) }],
  [
    'a name "quoted" é 数',
    { dtype: 'float32', shape: [4], values: Float32Array.of(Infinity, -0, NaN, 2 ** -149) },
  ],
]);
const metadata = { about: 'made by Python, é 数' };

/** A file with this header and this many bytes of data. */
function withHeader(header: string, dataBytes: number): Uint8Array {
  const text = Buffer.from(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, Buffer.alloc(dataBytes)]);
}

const tensor: fc.Arbitrary<TensorData> = fc.array(fc.nat(4), { maxLength: 4 }).chain(shape => {
  const length = shape.reduce((product, side) => product * side, 1);
  const size = { minLength: length, maxLength: length };
  return fc.oneof(
    fc.float32Array(size).map((values): TensorData => ({ dtype: 'float32', shape, values })),
    fc.int32Array(size).map((values): TensorData => ({ dtype: 'int32', shape, values })),
  );
});
const tensorName = fc.string({ unit: 'grapheme' }).filter(name => name !== '__metadata__');
const tensorMap = fc.array(fc.tuple(tensorName, tensor), { maxLength: 6 }).map(entries => new Map(entries));

describe('a file written by the Python library', () => {
  it('is read', () => {
    expect(decodeSafetensors(fixture('mixed.safetensors'))).toEqual({ tensors: mixed, metadata });
    expect(decodeSafetensors(fixture('none.safetensors'))).toEqual({ tensors: new Map(), metadata: {} });
  });

  it('is what we write for the same tensors, byte for byte', () => {
    expect(encodeSafetensors(mixed, metadata)).toEqual(fixture('mixed.safetensors'));
    expect(encodeSafetensors(new Map())).toEqual(fixture('none.safetensors'));
  });

  it('is refused where its element type is not one of ours', () => {
    const { message } = errorOf(() =>
      decodeSafetensors(fixture('float16.safetensors'), 'runs/a.safetensors'),
    );
    expect(message).toMatch(/^runs\/a\.safetensors .*"half".*\n.*F16\n.*F32, I32/);
  });
});

describe('encode and decode', () => {
  it('give back the tensors', () => {
    fc.assert(
      fc.property(tensorMap, fc.dictionary(fc.string(), fc.string()), (tensors, given) => {
        const decoded = decodeSafetensors(encodeSafetensors(tensors, given));
        expect(decoded.tensors).toEqual(tensors);
        expect(Object.entries(decoded.metadata)).toEqual(Object.entries(given));
      }),
      { examples: [[new Map(), JSON.parse('{"__proto__":"x"}') as Record<string, string>]] },
    );
  });

  it('do not depend on the order of the map', () => {
    fc.assert(
      fc.property(tensorMap, tensors => {
        expect(encodeSafetensors(new Map([...tensors].reverse()))).toEqual(encodeSafetensors(tensors));
      }),
    );
  });

  it('read bytes at any alignment, and keep no view of them', () => {
    const encoded = encodeSafetensors(mixed, metadata);
    const shifted = new Uint8Array(encoded.length + 3);
    shifted.set(encoded, 3);
    const decoded = decodeSafetensors(shifted.subarray(3));
    shifted.fill(0);
    expect(decoded).toEqual({ tensors: mixed, metadata });
  });

  it('start the data at a multiple of 8', () => {
    fc.assert(
      fc.property(tensorMap, tensors => {
        expect(encodeSafetensors(tensors).readBigUInt64LE() % 8n).toBe(0n);
      }),
    );
  });

  it('refuse values that do not fit the shape, and the reserved name', () => {
    const values = new Float32Array(5);
    const misfit = new Map<string, TensorData>([['w', { dtype: 'float32', shape: [2, 3], values }]]);
    expect(errorOf(() => encodeSafetensors(misfit)).message).toMatch(
      /"w".*\n.*5 values.*\[2, 3\]\n.*6 values/,
    );
    const reserved = new Map<string, TensorData>([
      ['__metadata__', { dtype: 'float32', shape: [5], values }],
    ]);
    expect(errorOf(() => encodeSafetensors(reserved)).message).toMatch(/__metadata__/);
  });
});

describe('malformed bytes', () => {
  const entry = (shape: string, begin: number, end: number, dtype = 'F32') =>
    `{"dtype":"${dtype}","shape":${shape},"data_offsets":[${begin},${end}]}`;

  it.each([
    ['no bytes', new Uint8Array(), /cut short/],
    ['a header beyond the end', withHeader('{}', 0).subarray(0, 9), /cut short.*\n.*header of 2 bytes/],
    ['an enormous header', Buffer.alloc(64, 0xff), /header of 18446744073709551615 bytes/],
    ['an empty header', withHeader('', 0), /does not begin with \{/],
    ['another format', Buffer.from('PK\x03\x04 and more of a zip file'), /another format/],
    ['an array', withHeader('[]', 0), /does not begin with \{/],
    ['cut JSON', withHeader('{"a":', 0), /not valid JSON/],
    ['deep JSON', withHeader(`{"a":${'['.repeat(1e5)}`, 0), /not valid JSON/],
    ['deep JSON that ends', withHeader(`{"a":${'['.repeat(1e5)}${']'.repeat(1e5)}}`, 0), /"a" is malformed/],
    [
      'bad UTF-8',
      Buffer.concat([withHeader('{"  ":1}', 0).subarray(0, 10), Buffer.from([0xff]), Buffer.from('":1}}')]),
      /not valid JSON/,
    ],
    [
      'a name twice',
      withHeader(`{"a":${entry('[0]', 0, 0)},"a" :${entry('[0]', 0, 0)}}`, 0),
      /twice.*\n.*a$/,
    ],
    [
      'a name twice, escaped',
      withHeader(`{"a":${entry('[0]', 0, 0)},"\\u0061":${entry('[0]', 0, 0)}}`, 0),
      /twice/,
    ],
    [
      'a field twice',
      withHeader(`{"a":{"dtype":"F32","dtype":"I32","shape":[],"data_offsets":[0,4]}}`, 4),
      /twice.*\n.*dtype/,
    ],
    ['a number for a tensor', withHeader('{"a":1}', 0), /"a" is malformed/],
    [
      'a missing field',
      withHeader('{"a":{"dtype":"F32","shape":[]}}', 4),
      /"a" is malformed.*\n[^]*data_offsets/,
    ],
    [
      'an extra field',
      withHeader('{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4],"x":1}}', 4),
      /malformed/,
    ],
    ['a negative side', withHeader(`{"a":${entry('[-1]', 0, 4)}}`, 4), /malformed/],
    ['a fractional side', withHeader(`{"a":${entry('[0.5]', 0, 2)}}`, 2), /malformed/],
    ['an unknown type', withHeader(`{"a":${entry('[]', 0, 4, 'toString')}}`, 4), /element type/],
    [
      'a shape too large',
      withHeader(`{"a":${entry('[9007199254740991,9007199254740991]', 0, 4)}}`, 4),
      /not fit its bytes/,
    ],
    [
      'a shape too small',
      withHeader(`{"a":${entry('[1]', 0, 8)}}`, 8),
      /not fit its bytes.*\n.*8 bytes\n.*4 bytes/,
    ],
    ['offsets backwards', withHeader(`{"a":${entry('[1]', 4, 0)}}`, 4), /not fit its bytes/],
    ['an overlap', withHeader(`{"a":${entry('[2]', 0, 8)},"b":${entry('[1]', 4, 8)}}`, 8), /"b" overlaps/],
    ['a hole', withHeader(`{"a":${entry('[1]', 0, 4)},"b":${entry('[1]', 8, 12)}}`, 12), /"b" leaves a hole/],
    [
      'missing data',
      withHeader(`{"a":${entry('[2]', 0, 8)}}`, 7),
      /cut short.*\n.*7 bytes of data\n.*8 bytes/,
    ],
    ['too much data', withHeader(`{"a":${entry('[2]', 0, 8)}}`, 9), /bytes follow/],
    ['metadata that is a list', withHeader('{"__metadata__":[]}', 0), /__metadata__/],
    ['metadata that is no object of strings', withHeader('{"__metadata__":{"a":1}}', 0), /__metadata__/],
  ])('%s', (_, bytes, message) => {
    const error = errorOf(() => decodeSafetensors(bytes));
    expect(error).toBeInstanceOf(CheckpointError);
    expect(error.message).toMatch(message);
  });

  it('of any kind are refused or read, and nothing else', () => {
    const whole = encodeSafetensors(mixed, metadata);
    const edit = fc.record({
      at: fc.nat(whole.length),
      remove: fc.nat(3),
      insert: fc.uint8Array({ maxLength: 3 }),
    });
    const headerEdit = edit.map(({ at, ...rest }) => ({ at: at % 430, ...rest }));
    let refused = 0;
    fc.assert(
      fc.property(
        fc.array(fc.oneof(edit, headerEdit), { minLength: 1, maxLength: 3 }),
        fc.nat(200),
        (edits, cut) => {
          const edited = edits.reduce(
            (bytes, { at, remove, insert }) =>
              Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(at + remove)]),
            Buffer.from(whole),
          );
          const bytes = edited.subarray(0, cut < 20 ? edited.length - cut : edited.length);
          try {
            const { tensors } = decodeSafetensors(bytes);
            const data = [...tensors.values()].reduce((sum, { values }) => sum + values.byteLength, 0);
            expect(8 + Number(bytes.readBigUInt64LE()) + data).toBe(bytes.length);
          } catch (error) {
            if (!(error instanceof CheckpointError)) throw error;
            refused++;
          }
        },
      ),
      { numRuns: 5000 },
    );
    expect(refused).toBeGreaterThan(1000);
  });

  it('cut anywhere are refused', () => {
    const whole = encodeSafetensors(mixed, metadata);
    for (let length = 0; length < whole.length; length++) {
      expect(() => decodeSafetensors(whole.subarray(0, length))).toThrow(CheckpointError);
    }
  });
});
