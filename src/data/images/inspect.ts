/** What can be told of one image file: whether it is whole, its size, and marks by which copies of it are known. */
import { createHash } from 'node:crypto';
import { ImageError } from '../../errors/index.js';
import { openEncoded, opaque, whole } from '../image-file.js';
import type { Source } from './listing.js';
import { nameOf } from './listing.js';
import { readSource } from './read.js';

export interface Facts {
  readonly format: string;
  readonly width: number;
  readonly height: number;
  /** The first 64 bits of the file's SHA-256. */
  readonly hash: bigint;
  /** 64 bits that copies share though they are resized or compressed anew: see `differenceHash`. */
  readonly look: bigint;
}

/** All of the image is decoded. */
export async function inspect(source: Source): Promise<Facts | ImageError> {
  const given = nameOf(source);
  try {
    const bytes = readSource(source);
    const { image, format, width, height } = await openEncoded(bytes, given);
    const small = image.resize(columns, rows, { fit: 'fill' });
    const levels = await whole(given, () => opaque(small, 1).toBuffer());
    const hash = createHash('sha256').update(bytes).digest().readBigUInt64BE();
    return { format, width, height, hash, look: differenceHash(levels) };
  } catch (error) {
    if (error instanceof ImageError) return error;
    throw error;
  }
}

const columns = 9;
const rows = 8;

/** dHash: whether each pixel of the image at 9 x 8 is brighter than the next in its row. */
export function differenceHash(levels: Uint8Array): bigint {
  let bits = 0n;
  for (let row = 0; row < rows; row++) {
    for (let x = 0; x < columns - 1; x++) {
      const at = row * columns + x;
      bits = (bits << 1n) | BigInt((levels[at] ?? 0) > (levels[at + 1] ?? 0));
    }
  }
  return bits;
}
