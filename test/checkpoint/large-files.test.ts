/** Files beyond 2 GiB, which no call and no 32 bits hold; those that are only read are sparse, so that they take no disk. */
import { closeSync, openSync, rmSync, statSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { FileSource } from '../../src/checkpoint/byte-source.js';
import { loadCheckpoint, saveCheckpoint } from '../../src/checkpoint/checkpoint.js';
import { type PyTorchValue, readPyTorch } from '../../src/checkpoint/pytorch/index.js';
import { readSafetensors } from '../../src/checkpoint/safetensors.js';
import type { TensorData } from '../../src/checkpoint/tensor-data.js';
import {
  archiveEntries,
  counted,
  dictionary,
  legacyFile,
  ops,
  storage,
  tensor,
  uint32,
  uint64,
} from './pytorch/craft.js';
import { temporaryFolder, versionContent } from './support.js';

const patience = 180_000;

interface Part {
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** What `read` gives of a file of zeros but for these parts, the last of which ends it. */
function reading<T>(name: string, parts: readonly Part[], read: (file: FileSource) => T): T {
  const path = join(temporaryFolder(), name);
  const descriptor = openSync(path, 'w+');
  try {
    for (const { at, bytes } of parts) writeSync(descriptor, bytes, 0, bytes.length, at);
    const { size, blocks } = statSync(path);
    expect(size).toBeGreaterThan(2 ** 31);
    expect(512 * blocks).toBeLessThan(2 ** 20);
    return read(new FileSource(descriptor, size));
  } finally {
    truncateSync(path);
    closeSync(descriptor);
  }
}

const floats = (...values: number[]): Buffer => Buffer.from(Float32Array.from(values).buffer);
const float32 = (...values: number[]): TensorData => ({
  dtype: 'float32',
  shape: [values.length],
  values: Float32Array.from(values),
});

/** Elements of a storage that is larger than 2 GiB. */
const count = 2 ** 29 + 2;
const vector = (key: string, size: number, shape: number, offset: number): Buffer =>
  tensor(storage(key, 'FloatStorage', size), { shape: [shape], strides: [1], offset });
const expected: PyTorchValue = new Map([
  ['first', float32(1, 0)],
  ['last', float32(0, 2)],
  ['small', float32(3, 4, 5)],
]);
const value = dictionary({
  first: vector('0', count, 2, 0),
  last: vector('0', count, 2, count - 2),
  small: vector('1', 3, 3, 0),
});

describe('files beyond 2 GiB are read', () => {
  it('in the format before PyTorch 1.6', { timeout: patience }, () => {
    const head = legacyFile(value, { 0: uint64(count), 1: Buffer.alloc(0) });
    const end = head.length + 4 * count;
    const parts = [
      { at: 0, bytes: ops(head, floats(1)) },
      { at: end - 4, bytes: ops(floats(2), counted(3, floats(3, 4, 5))) },
    ];
    expect(reading('a.pth', parts, file => readPyTorch(file, 'a.pth'))).toEqual(expected);
  });

  it('as archives, also where places and sizes need ZIP64', { timeout: patience }, () => {
    const archive = new Archive();
    const [pickle] = archiveEntries(value);
    archive.add('a/data.pkl', [{ at: 0, bytes: pickle?.data ?? Buffer.alloc(0) }]);
    // Nothing refers to it.
    archive.add('a/data/unused', [{ at: 2 ** 32, bytes: floats(6) }], 0);
    archive.add('a/data/0', [
      { at: 0, bytes: floats(1) },
      { at: 4 * count - 4, bytes: floats(2) },
    ]);
    archive.add('a/data/1', [{ at: 0, bytes: floats(3, 4, 5) }]);
    const parts = archive.finish();
    expect(parts.at(-1)?.at).toBeGreaterThan(2 ** 32);
    expect(reading('a.pt', parts, file => readPyTorch(file, 'a.pt'))).toEqual(expected);
  });

  it('as safetensors', { timeout: patience }, () => {
    const half = 4 * 2 ** 28;
    const entry = (begin: number, end: number) => ({
      dtype: 'F32',
      shape: [(end - begin) / 4],
      data_offsets: [begin, end],
    });
    const header = Buffer.from(
      JSON.stringify({ a: entry(0, half), b: entry(half, 2 * half), c: entry(2 * half, 2 * half + 12) }),
    );
    const start = 8 + header.length;
    const parts = [
      { at: 0, bytes: ops(uint64(header.length), header) },
      { at: start + half - 4, bytes: floats(1, 2) },
      { at: start + 2 * half, bytes: floats(3, 4, 5) },
    ];
    const { tensors } = reading('a.safetensors', parts, file => readSafetensors(file, 'a.safetensors'));
    expect(tensors.get('a')?.values.at(-1)).toBe(1);
    expect(tensors.get('b')?.values.at(0)).toBe(2);
    expect(tensors.get('c')).toEqual(float32(3, 4, 5));
  });
});

it('a checkpoint beyond 2 GiB is saved and loaded', { timeout: patience }, () => {
  const folder = temporaryFolder();
  const values = new Float32Array(2 ** 28);
  const tensors = new Map<string, TensorData>([
    ['a', { dtype: 'float32', shape: [values.length], values }],
    ['b', { dtype: 'float32', shape: [values.length], values }],
    ['c', float32(1, 2)],
  ]);
  const path = saveCheckpoint(folder, 'model', { ...versionContent(1), kind: 'model', tensors });
  const { manifest, tensors: loaded } = loadCheckpoint(path, 'model');
  expect(manifest.tensors.bytes).toBeGreaterThan(2 ** 31);
  expect([...loaded].map(([name, { shape }]) => [name, shape])).toEqual(
    [...tensors].map(([name, { shape }]) => [name, shape]),
  );
  expect(loaded.get('c')).toEqual(float32(1, 2));
  rmSync(folder, { recursive: true });
});

/** A ZIP archive as torch.save writes a large one, of entries with holes. */
class Archive {
  readonly #parts: Part[] = [];
  readonly #directory: Buffer[] = [];
  #end = 0;

  /** @param parts from the entry's beginning; the last ends it */
  add(name: string, parts: readonly Part[], crc = crcOf(parts)): void {
    const size = parts.reduce((_, { at, bytes }) => at + bytes.length, 0);
    const fields = ops('-\0', '\0\0', '\0\0', uint32(0), uint32(crc), uint32(0xffffffff), uint32(0xffffffff));
    const lengths = (extra: number) => ops(uint32(name.length).subarray(0, 2), uint32(extra).subarray(0, 2));
    const local = ops('PK\x03\x04', fields, lengths(0), name);
    const extra = ops('\x01\0', '\x18\0', uint64(size), uint64(size), uint64(this.#end));
    this.#directory.push(
      ops('PK\x01\x02-\0', fields, lengths(extra.length), Buffer.alloc(10), uint32(0xffffffff), name, extra),
    );
    this.#parts.push({ at: this.#end, bytes: local });
    for (const { at, bytes } of parts) this.#parts.push({ at: this.#end + local.length + at, bytes });
    this.#end += local.length + size;
  }

  finish(): Part[] {
    const directory = ops(...this.#directory);
    const entries = this.#directory.length;
    const record = ops(
      ...['PK\x06\x06', uint64(44), '-\0-\0', uint32(0), uint32(0), uint64(entries), uint64(entries)],
      ...[uint64(directory.length), uint64(this.#end)],
    );
    const locator = ops('PK\x06\x07', uint32(0), uint64(this.#end + directory.length), uint32(1));
    const end = ops(
      'PK\x05\x06',
      uint32(0),
      '\xff\xff\xff\xff',
      uint32(0xffffffff),
      uint32(0xffffffff),
      '\0\0',
    );
    return [...this.#parts, { at: this.#end, bytes: ops(directory, record, locator, end) }];
  }
}

/** Of zeros but for the parts. */
function crcOf(parts: readonly Part[]): number {
  const zeros = Buffer.alloc(2 ** 26);
  let [crc, done] = [0, 0];
  for (const { at, bytes } of parts) {
    for (; done < at; done += Math.min(zeros.length, at - done))
      crc = crc32(zeros.subarray(0, at - done), crc);
    crc = crc32(bytes, crc);
    done += bytes.length;
  }
  return crc;
}
