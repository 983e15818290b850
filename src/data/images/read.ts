/** The bytes of a listed image. */
import { open } from 'node:fs/promises';
import { ImageError } from '../../errors/index.js';
import { readImageFile } from '../image-file.js';
import type { Source } from './listing.js';
import { nameOf } from './listing.js';

/** @throws ImageError when they cannot be read */
export async function readSource(source: Source): Promise<Uint8Array> {
  const { path, stretch } = source;
  if (!stretch) return readImageFile(path);
  try {
    const file = await open(path);
    try {
      const bytes = new Uint8Array(stretch.bytes);
      const { bytesRead } = await file.read(bytes, 0, stretch.bytes, stretch.start);
      return bytes.subarray(0, bytesRead);
    } finally {
      await file.close();
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
