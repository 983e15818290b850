/** Tensors of other element types are converted in pieces: reading takes what they become, and one piece of the file. */
import { describe, expect, it } from 'vitest';
import { pieceBytes, sourceOf, type ByteSource } from '../../src/checkpoint/byte-source.js';
import { readPyTorch } from '../../src/checkpoint/pytorch/index.js';
import { readSafetensors } from '../../src/checkpoint/safetensors.js';
import type { TensorData } from '../../src/checkpoint/tensor-data.js';
import {
  archiveFile,
  counted,
  dictionary,
  legacyFile,
  ops,
  storage,
  tensor,
  uint64,
} from './pytorch/craft.js';

const patience = 120_000;
const [rows, columns] = [2 ** 12, 2 ** 13 + 1];
const count = rows * columns;

/** float16 zeros, beginning with 1 and ending with 3, 2: more than 64 MiB. */
const halves = Buffer.alloc(2 * count);
halves.writeUInt16LE(0x3c00, 0);
halves.writeUInt16LE(0x4200, 2 * count - 4);
halves.writeUInt16LE(0x4000, 2 * count - 2);

/** What `read` gives, which asks for no more than a piece of the file at a time. */
function inPieces<T>(file: Uint8Array, read: (source: ByteSource) => T): T {
  const source = sourceOf(file);
  const within = (size: number): void => expect(size).toBeLessThanOrEqual(pieceBytes);
  return read({
    length: source.length,
    read: (begin, end) => {
      within(end - begin);
      return source.read(begin, end);
    },
    copy: (target, begin) => {
      within(target.length);
      source.copy(target, begin);
    },
  });
}

function at({ values, shape: [, width = 0] }: TensorData, row: number, column: number): number | undefined {
  return values[row * width + column];
}

const strides = { rows: [columns, 1], columns: [1, rows] };
const state = (order: keyof typeof strides): Buffer =>
  dictionary({
    w: tensor(storage('0', 'HalfStorage', count), { shape: [rows, columns], strides: strides[order] }),
  });
const tensorOf = (value: unknown): TensorData =>
  (value as ReadonlyMap<string, TensorData>).get('w') as TensorData;

describe('a tensor of float16 beyond 64 MiB is converted in pieces', () => {
  it('of safetensors', { timeout: patience }, () => {
    const entry = { dtype: 'F16', shape: [rows, columns], data_offsets: [0, halves.length] };
    const header = Buffer.from(JSON.stringify({ w: entry }));
    const file = ops(uint64(header.length), header, halves);
    const { tensors } = inPieces(file, source => readSafetensors(source, 'a.safetensors'));
    const read = tensorOf(tensors);
    expect([at(read, 0, 0), at(read, rows - 1, columns - 2), at(read, rows - 1, columns - 1)]).toEqual([
      1, 3, 2,
    ]);
    expect(read.values).toHaveLength(count);
  });

  it('of an archive', { timeout: patience }, () => {
    const file = archiveFile(state('rows'), { 0: halves });
    const read = tensorOf(inPieces(file, source => readPyTorch(source, 'a.pt')));
    expect([at(read, 0, 0), at(read, rows - 1, columns - 2), at(read, rows - 1, columns - 1)]).toEqual([
      1, 3, 2,
    ]);
  });

  it('of the format before PyTorch 1.6, column by column', { timeout: patience }, () => {
    const file = legacyFile(state('columns'), { 0: counted(count, halves) });
    const read = tensorOf(inPieces(file, source => readPyTorch(source, 'a.pth')));
    expect([at(read, 0, 0), at(read, rows - 2, columns - 1), at(read, rows - 1, columns - 1)]).toEqual([
      1, 3, 2,
    ]);
  });
});
