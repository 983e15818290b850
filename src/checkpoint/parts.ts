/** Bytes in parts: all together can be more than an array of Node 20 holds (4 GiB), or than one call hashes or writes (2 GiB). */
import { createHash } from 'node:crypto';
import { closeSync, openSync, writeFileSync } from 'node:fs';

/** The content of a file, one part after the other. */
export type Parts = readonly Uint8Array[];

/** What one call of the system or of the hash is given at most. */
export const largestPiece = 2 ** 30;

export function bytesIn(parts: Parts): number {
  return parts.reduce((sum, { length }) => sum + length, 0);
}

/** In hexadecimal digits. */
export function sha256(content: string | Uint8Array | Iterable<Uint8Array>): string {
  const hash = createHash('sha256');
  for (const piece of piecesOf(content)) hash.update(piece);
  return hash.digest('hex');
}

/** Replaces the file at `path`, or makes it. @param finish called before it is closed */
export function writeParts(
  path: string,
  content: string | Uint8Array | Parts,
  finish: (file: number) => void = () => undefined,
): void {
  const file = openSync(path, 'w');
  try {
    for (const piece of piecesOf(content)) writeFileSync(file, piece);
    finish(file);
  } finally {
    closeSync(file);
  }
}

function* piecesOf(content: string | Uint8Array | Iterable<Uint8Array>): Generator<Uint8Array> {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  for (const part of bytes instanceof Uint8Array ? [bytes] : bytes)
    for (let from = 0; from < part.length; from += largestPiece)
      yield part.subarray(from, from + largestPiece);
}
