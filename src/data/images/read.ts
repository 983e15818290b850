/** The bytes of a listed image. */
import { closeSync, openSync, readSync } from 'node:fs';
import { ImageError } from '../../errors/index.js';
import { readImageFileSync } from '../image-file.js';
import type { Source } from './listing.js';
import { nameOf } from './listing.js';

/** @throws ImageError when they cannot be read */
export function readSource(source: Source): Uint8Array {
  const { path, stretch } = source;
  if (!stretch) return readImageFileSync(path);
  try {
    const file = openSync(path, 'r');
    try {
      const bytes = new Uint8Array(stretch.bytes);
      return bytes.subarray(0, readSync(file, bytes, 0, stretch.bytes, stretch.start));
    } finally {
      closeSync(file);
    }
  } catch (cause) {
    throw new ImageError({
      problem: 'the image cannot be read from its shard',
      given: nameOf(source),
      mend: 'check that the file is where it was, and may be read',
      cause,
    });
  }
}
