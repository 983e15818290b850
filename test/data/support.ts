/** What the tests of data sets share: files to read, errors to look at. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { Dataset } from '../../src/data/dataset.js';
import { batches, inOrder } from '../../src/data/loader.js';

interface ScratchFolder {
  readonly path: string;
  /** Writes a file into it and gives its path. */
  file(name: string, bytes: Uint8Array): string;
}

/** A folder that is removed after the tests of the file. */
export function scratchFolder(): ScratchFolder {
  const path = mkdtempSync(join(tmpdir(), 'gfnet-data-'));
  afterAll(() => rmSync(path, { recursive: true }));
  return {
    path,
    file(name, bytes) {
      writeFileSync(join(path, name), bytes);
      return join(path, name);
    },
  };
}

/** The bytes of an IDX file. */
export function idx(shape: readonly number[], values: ArrayLike<number>): Buffer {
  const sides = shape.map(side => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(side);
    return bytes;
  });
  return Buffer.concat([Buffer.of(0, 0, 8, shape.length), ...sides, Uint8Array.from(values)]);
}

/** The images of a set as bytes, and their labels, as they are in `epoch`. */
export async function readAll(set: Dataset, epoch = 0): Promise<{ images: Uint8Array[]; labels: number[] }> {
  const pixels = set.shape.height * set.shape.width * set.shape.channels;
  const images: Uint8Array[] = [];
  const labels: number[] = [];
  for await (const batch of batches(set, { order: inOrder(set), batchSize: 1000, epoch, dropLast: false })) {
    const bytes = new Uint8Array(batch.images.length);
    batch.images.forEach((value, i) => {
      bytes[i] = Math.round(value * 255);
    });
    for (let i = 0; i < batch.size; i++) images.push(bytes.subarray(i * pixels, (i + 1) * pixels));
    labels.push(...batch.labels);
  }
  return { images, labels };
}
