/** What steps leave to the next, of images that wait: kept where it lies, so that nothing is made and thrown away while a stream goes on. */
import { upTo } from './places.js';

/** What a number of images have, by name: [images, ...]. */
export type Values = ReadonlyMap<string, Float32Array>;

export class WaitingState {
  /** [places, ...] */
  readonly #kept = new Map<string, Float32Array>();
  /** For one batch at a time. */
  readonly #batch = new Map<string, Float32Array>();

  /** @param places how many images can wait */
  constructor(private readonly places: number) {}

  /** Keeps what the images at some rows of a batch have. @param places of the batch's images */
  keep(values: Values, places: Int32Array, rows: Int32Array): void {
    const chosen = rows.map(row => places[row] ?? 0);
    for (const [name, from] of values) {
      const size = from.length / places.length;
      copyRows(from, rows, this.#room(this.#kept, name, this.places * size), chosen, size);
    }
  }

  /** What images have, one after the other; it holds until it is asked for again. Undefined where nothing of that name was kept. */
  of(name: string, places: Int32Array): Float32Array | undefined {
    const from = this.#kept.get(name);
    if (!from) return undefined;
    const size = from.length / this.places;
    const to = this.#room(this.#batch, name, places.length * size);
    copyRows(from, places, to, upTo(places.length), size);
    return to;
  }

  /** The first `length` numbers of what is there by this name, made larger where it does not suffice. */
  #room(buffers: Map<string, Float32Array>, name: string, length: number): Float32Array {
    let buffer = buffers.get(name);
    if (!buffer || buffer.length < length) buffers.set(name, (buffer = new Float32Array(length)));
    return buffer.subarray(0, length);
  }
}

/** Copies rows of `size` numbers, those that follow each other on both sides at once: most of what a short copy takes is its call. */
function copyRows(
  from: Float32Array,
  sources: Int32Array,
  to: Float32Array,
  targets: Int32Array,
  size: number,
): void {
  for (let i = 0; i < sources.length;) {
    const [source = 0, target = 0] = [sources[i], targets[i]];
    let run = 1;
    while (sources[i + run] === source + run && targets[i + run] === target + run) run++;
    to.set(from.subarray(source * size, (source + run) * size), target * size);
    i += run;
  }
}
