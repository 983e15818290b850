/** Reads bytes one after the other; what lies beyond their end is refused. */
import { CheckpointError } from '../../errors/index.js';

export class ByteReader {
  readonly #view: DataView;

  constructor(
    readonly bytes: Uint8Array,
    public position = 0,
  ) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get remaining(): number {
    return this.bytes.length - this.position;
  }

  /** The next `count` bytes, which stay where they are. */
  take(count: number): Uint8Array {
    const begin = this.#advance(count);
    return this.bytes.subarray(begin, begin + count);
  }

  uint8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  uint16(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }

  uint32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  int32(): number {
    return this.#view.getInt32(this.#advance(4), true);
  }

  /** A number of 64 bits, which must be exact in JavaScript. */
  uint64(): number {
    const value = Number(this.#view.getBigUint64(this.#advance(8), true));
    if (Number.isSafeInteger(value)) return value;
    throw new CheckpointError({ problem: 'it names an impossible size or place', given: String(value) });
  }

  float64BigEndian(): number {
    return this.#view.getFloat64(this.#advance(8));
  }

  /** The next `count` bytes as UTF-8. */
  text(count: number): string {
    return textOf(this.take(count));
  }

  /** The text up to the end of the line, which is passed over. */
  line(): string {
    const end = this.bytes.indexOf('\n'.charCodeAt(0), this.position);
    if (end < 0) throw new CheckpointError({ problem: 'it is cut short: a line has no end' });
    const text = this.text(end - this.position);
    this.position++;
    return text;
  }

  #advance(count: number): number {
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
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function textOf(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new CheckpointError({ problem: 'a text in it is not UTF-8', cause });
  }
}
