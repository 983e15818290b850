/** Makes PyTorch files that torch.save would never write. */
import { crc32 } from 'node:zlib';
import type { PyTorchValue } from '../../../src/checkpoint/pytorch/index.js';
import type { TensorData } from '../../../src/checkpoint/tensor-data.js';

export const none = Buffer.from('N');

/** Operations one after the other; a text is Latin-1. */
export function ops(...parts: readonly (string | Uint8Array)[]): Buffer {
  return Buffer.concat(parts.map(part => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)));
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

export function uint64(value: bigint | number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

export function text(value: string): Buffer {
  return ops('X', uint32(Buffer.byteLength(value)), Buffer.from(value));
}

/** A whole number of 64 bits. */
export function integer(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(value));
  return ops('\x8a\x08', bytes);
}

export function tuple(...items: readonly Uint8Array[]): Buffer {
  return ops('(', ...items, 't');
}

export function list(...items: readonly Uint8Array[]): Buffer {
  return ops('](', ...items, 'e');
}

export function dictionary(entries: Readonly<Record<string, Uint8Array>>): Buffer {
  return ops('}(', ...Object.entries(entries).flatMap(([key, value]) => [text(key), value]), 'u');
}

/** What calling the global with these arguments gives. */
export function called(name: string, ...args: readonly Uint8Array[]): Buffer {
  return ops(global(name), tuple(...args), 'R');
}

export function global(name: string): Buffer {
  const dot = name.lastIndexOf('.');
  return ops(`c${name.slice(0, dot)}\n${name.slice(dot + 1)}\n`);
}

export function storage(key: string, type: string, count: number): Buffer {
  return ops(tuple(text('storage'), global(`torch.${type}`), text(key), text('cuda:0'), integer(count)), 'Q');
}

interface View {
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly offset?: number;
}

export function tensor(memory: Uint8Array, { shape, strides, offset = 0 }: View): Buffer {
  const sizes = (values: readonly number[]) => tuple(...values.map(integer));
  const hooks = called('collections.OrderedDict');
  return called(
    'torch._utils._rebuild_tensor_v2',
    memory,
    integer(offset),
    sizes(shape),
    sizes(strides),
    ops('\x89'),
    hooks,
  );
}

const pickled = (value: Uint8Array): Buffer => ops('\x80\x02', value, '.');

type Storages = Readonly<Record<string, Uint8Array>>;

export const magic = ops('\x8a\x0a', Buffer.from('6cfc9c46f9206aa85019', 'hex'));

/** @param storages by key, each its count and its bytes */
export function legacyFile(value: Uint8Array, storages: Storages = {}, head = magic): Buffer {
  const system = dictionary({ protocol_version: integer(1001), little_endian: ops('\x88') });
  const keys = list(...Object.keys(storages).map(text));
  return ops(...[head, integer(1001), system, value, keys].map(pickled), ...Object.values(storages));
}

/** A storage as the legacy format has it. */
export function counted(count: number, bytes: Uint8Array): Buffer {
  return ops(uint64(count), bytes);
}

/** What torch.save made of it before 1.6: dictionaries, texts, whole numbers, and tensors of float32 or int64 (given as int32). */
export function savedLegacy(value: PyTorchValue): Buffer {
  const storages: Record<string, Uint8Array> = {};
  const encoded = (part: PyTorchValue): Buffer => {
    if (typeof part === 'string') return text(part);
    if (typeof part === 'number') return integer(part);
    if (Array.isArray(part)) return list(...part.map(encoded));
    if (part instanceof Map) {
      const entries = [...(part as ReadonlyMap<string, PyTorchValue>)];
      return dictionary(Object.fromEntries(entries.map(([key, item]) => [key, encoded(item)])));
    }
    const { shape, values } = part as TensorData;
    const key = `s${Object.keys(storages).length}`;
    const long = values instanceof Int32Array;
    const { buffer, byteOffset, byteLength } = long ? BigInt64Array.from(values, BigInt) : values;
    storages[key] = counted(values.length, new Uint8Array(buffer, byteOffset, byteLength));
    const strides = shape.map((_, axis) =>
      shape.slice(axis + 1).reduce((product, side) => product * side, 1),
    );
    return tensor(storage(key, long ? 'LongStorage' : 'FloatStorage', values.length), { shape, strides });
  };
  return legacyFile(encoded(value), storages);
}

export interface ZipEntry {
  readonly name: string;
  readonly data: Uint8Array;
  /** Instead of what is right. */
  readonly crc?: number;
  readonly size?: number;
  readonly start?: number;
  readonly localName?: string;
  readonly method?: number;
  readonly flags?: number;
  /** Sizes and place in a ZIP64 field. */
  readonly long?: boolean;
}

interface ZipEnd {
  readonly count?: number;
  readonly disk?: number;
  readonly comment?: string;
}

export function zipFile(
  entries: readonly ZipEntry[],
  { count, disk = 0, comment = '' }: ZipEnd = {},
): Buffer {
  let end = 0;
  const [locals, centrals]: [Buffer[], Buffer[]] = [[], []];
  for (const { name, data, method = 0, flags = 0, localName = name, long = false, ...given } of entries) {
    const { crc = crc32(data), size = data.length, start = end } = given;
    const fields = (sizes: number) =>
      ops(uint16(flags), uint16(method), uint32(0), uint32(crc), uint32(sizes), uint32(sizes));
    const local = ops('PK\x03\x04\x14\0', fields(size), uint16(localName.length), uint16(0), localName, data);
    const extra = long
      ? ops('\x01\0', uint16(24), uint64(size), uint64(size), uint64(start))
      : Buffer.alloc(0);
    const [shownSize, shownStart] = long ? [0xffffffff, 0xffffffff] : [size, start];
    locals.push(local);
    centrals.push(
      ops(
        'PK\x01\x02\x14\0\x14\0',
        fields(shownSize),
        uint16(name.length),
        uint16(extra.length),
        Buffer.alloc(10),
        uint32(shownStart),
        name,
        extra,
      ),
    );
    end += local.length;
  }
  const directory = ops(...centrals);
  return ops(
    ...locals,
    directory,
    'PK\x05\x06',
    uint16(disk),
    uint16(0),
    uint16(count ?? entries.length),
    uint16(count ?? entries.length),
    uint32(directory.length),
    uint32(end),
    uint16(comment.length),
    comment,
  );
}

function uint16(value: number): Buffer {
  return uint32(value).subarray(0, 2);
}

/** A file of the ZIP format that is right, of this value. */
export function archiveFile(value: Uint8Array, storages: Storages = {}): Buffer {
  return zipFile(archiveEntries(value, storages));
}

export function archiveEntries(value: Uint8Array, storages: Storages = {}): ZipEntry[] {
  const data = Object.entries(storages).map(([key, bytes]) => ({ name: `a/data/${key}`, data: bytes }));
  return [{ name: 'a/data.pkl', data: pickled(value) }, ...data];
}
