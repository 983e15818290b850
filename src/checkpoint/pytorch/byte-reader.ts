/** Reads bytes one after the other; what lies beyond their end is refused. */
import { CheckpointError } from '../../errors/index.js';
import type { ByteSource } from '../byte-source.js';
import { sourceOf } from '../byte-source.js';

/** Bytes that are read ahead. */
const windowBytes = 2 ** 14;

export class ByteReader {
  readonly #source: ByteSource;
  readonly #end: number;
  /** What was read last, and where it begins. */
  #view: DataView = new DataView(new ArrayBuffer(0));
  #viewStart = 0;

  /** @param end as if there were nothing behind it */
  constructor(
    bytes: Uint8Array | ByteSource,
    public position = 0,
    end = bytes.length,
  ) {
    this.#source = sourceOf(bytes);
    this.#end = end;
  }

  get remaining(): number {
    return this.#end - this.position;
  }

  /** The next `count` bytes. */
  take(count: number): Uint8Array {
    const begin = this.skip(count);
    return this.#source.read(begin, begin + count);
  }

  /** Passes over the next `count` bytes. @returns where they begin */
  skip(count: number): number {
    if (count > this.remaining) {
      throw new CheckpointError({
        problem: 'it is cut short, or altered',
        given: `${count} bytes are to follow byte ${this.position}`,
        allowed: `${this.remaining} bytes`,
      });
    }
    const begin = this.position;
    this.position += count;
    return begin;
  }

  uint8(): number {
    const at = this.#advance(1);
    return this.#view.getUint8(at);
  }

  uint16(): number {
    const at = this.#advance(2);
    return this.#view.getUint16(at, true);
  }

  uint32(): number {
    const at = this.#advance(4);
    return this.#view.getUint32(at, true);
  }

  int32(): number {
    const at = this.#advance(4);
    return this.#view.getInt32(at, true);
  }

  /** A number of 64 bits, which must be exact in JavaScript. */
  uint64(): number {
    const at = this.#advance(8);
    const value = Number(this.#view.getBigUint64(at, true));
    if (Number.isSafeInteger(value)) return value;
    throw new CheckpointError({ problem: 'it names an impossible size or place', given: String(value) });
  }

  float64BigEndian(): number {
    const at = this.#advance(8);
    return this.#view.getFloat64(at);
  }

  /** The next `count` bytes as UTF-8. */
  text(count: number): string {
    return textOf(this.take(count));
  }

  /** The text up to the end of the line, which is passed over. */
  line(): string {
    const end = this.#find('\n'.charCodeAt(0));
    if (end < 0) throw new CheckpointError({ problem: 'it is cut short: a line has no end' });
    const text = this.text(end - this.position);
    this.position++;
    return text;
  }

  /** Where the byte occurs next; -1 where it does not. */
  #find(byte: number): number {
    for (let begin = this.position; begin < this.#end; begin += windowBytes) {
      const found = this.#source.read(begin, Math.min(begin + windowBytes, this.#end)).indexOf(byte);
      if (found >= 0) return begin + found;
    }
    return -1;
  }

  /** Passes over a number of so many bytes. @returns where it stands in the view */
  #advance(count: number): number {
    const begin = this.skip(count);
    const at = begin - this.#viewStart;
    if (at >= 0 && at + count <= this.#view.byteLength) return at;
    const bytes = this.#source.read(begin, Math.min(begin + windowBytes, this.#end));
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#viewStart = begin;
    return 0;
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function textOf(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new CheckpointError({ problem: 'a text in it is not UTF-8', cause });
  }
}
