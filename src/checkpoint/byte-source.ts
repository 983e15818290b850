/** Bytes that are read where they are needed: of memory, or of a file of any size. */
import { constants } from 'node:buffer';
import { readSync } from 'node:fs';
import { CheckpointError } from '../errors/index.js';
import { largestPiece } from './parts.js';

export interface ByteSource {
  readonly length: number;
  /** The bytes from `begin` to `end`, which lie within; those of a file in memory of their own. @throws CheckpointError */
  read(begin: number, end: number): Uint8Array;
  /** Fills `target` with the bytes from `begin` on, which lie within. @throws CheckpointError */
  copy(target: Uint8Array, begin: number): void;
}

/** What memory holds is not copied by `read`. */
export function sourceOf(bytes: Uint8Array | ByteSource): ByteSource {
  if (!(bytes instanceof Uint8Array)) return bytes;
  return {
    length: bytes.length,
    read: (begin, end) => bytes.subarray(begin, end),
    copy: (target, begin) => target.set(bytes.subarray(begin, begin + target.length)),
  };
}

/** Its `length` bytes from `start` on. */
export function partOf(source: ByteSource, start: number, length: number): ByteSource {
  return {
    length,
    read: (begin, end) => source.read(start + begin, start + end),
    copy: (target, begin) => source.copy(target, start + begin),
  };
}

/** Bytes of a source that are looked at once, and no more than these at a time. */
export const pieceBytes = 2 ** 20;

/** All of it, in its order, each piece in the memory of the one before. @throws CheckpointError */
export function* piecesOf(source: ByteSource): Generator<Uint8Array> {
  const memory = new Uint8Array(Math.min(pieceBytes, source.length));
  for (let begin = 0; begin < source.length; begin += pieceBytes) {
    const piece = memory.subarray(0, source.length - begin);
    source.copy(piece, begin);
    yield piece;
  }
}

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
    this.copy(bytes, begin);
    return bytes;
  }

  copy(target: Uint8Array, begin: number): void {
    const size = target.length;
    for (let done = 0; done < size;) {
      const count = readSync(
        this.descriptor,
        target,
        done,
        Math.min(largestPiece, size - done),
        begin + done,
      );
      if (count === 0)
        throw new CheckpointError({ problem: 'it was cut short while it was read', mend: 'try again' });
      done += count;
    }
  }
}
