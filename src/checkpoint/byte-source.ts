/** Bytes that are read where they are needed: of memory, or of a file of any size. */
import { constants } from 'node:buffer';
import { readSync } from 'node:fs';
import { CheckpointError } from '../errors/index.js';
import { largestPiece } from './parts.js';

export interface ByteSource {
  readonly length: number;
  /** The bytes from `begin` to `end`, which lie within; those of a file in memory of their own. @throws CheckpointError */
  read(begin: number, end: number): Uint8Array;
}

/** What memory holds is not copied. */
export function sourceOf(bytes: Uint8Array | ByteSource): ByteSource {
  if (!(bytes instanceof Uint8Array)) return bytes;
  return { length: bytes.length, read: (begin, end) => bytes.subarray(begin, end) };
}

/** Bytes of a file that are looked at once, and no more than these at a time. */
const pieceBytes = 2 ** 24;

/** A file that is open for reading, and stays so until the last read. */
export class FileSource implements ByteSource {
  /** @param length its size in bytes */
  constructor(
    private readonly descriptor: number,
    readonly length: number,
  ) {}

  read(begin: number, end: number): Uint8Array {
    const size = end - begin;
    if (size > constants.MAX_LENGTH) {
      throw new CheckpointError({
        problem: 'a part of it is larger than an array here can be',
        given: `${size} bytes`,
        allowed: `${constants.MAX_LENGTH} bytes`,
      });
    }
    const bytes = new Uint8Array(size);
    for (let done = 0; done < size;) {
      const count = readSync(this.descriptor, bytes, done, Math.min(largestPiece, size - done), begin + done);
      if (count === 0)
        throw new CheckpointError({ problem: 'it was cut short while it was read', mend: 'try again' });
      done += count;
    }
    return bytes;
  }

  /** All of it, in its order, for what needs no more at a time. @throws CheckpointError */
  *pieces(): Generator<Uint8Array> {
    for (let begin = 0; begin < this.length; begin += pieceBytes)
      yield this.read(begin, Math.min(begin + pieceBytes, this.length));
  }
}
