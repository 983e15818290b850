/** What steps leave to the next, of images that wait: kept where it lies, so that nothing is made and thrown away while a stream goes on. */

/** What a number of images have, by name: [images, ...]. */
export type Values = ReadonlyMap<string, Float32Array>;

export class WaitingState {
  /** [places, ...] */
  readonly #kept = new Map<string, Float32Array>();
  /** For one batch at a time. */
  readonly #batch = new Map<string, Float32Array>();

  /** @param places how many images can wait */
  constructor(private readonly places: number) {}

  /** Keeps what the images at some rows of a batch have. @param count images of the batch @param places of the batch's images */
  keep(values: Values, count: number, places: Int32Array, rows: Iterable<number>): void {
    const chosen = [...rows];
    for (const [name, from] of values) {
      const size = from.length / count;
      const to = this.#room(this.#kept, name, this.places * size);
      for (const row of chosen)
        to.set(from.subarray(row * size, (row + 1) * size), (places[row] ?? 0) * size);
    }
  }

  /** What images have, one after the other; it holds until it is asked for again. Undefined where nothing of that name was kept. */
  of(name: string, places: Int32Array): Float32Array | undefined {
    const from = this.#kept.get(name);
    if (!from) return undefined;
    const size = from.length / this.places;
    const to = this.#room(this.#batch, name, places.length * size);
    places.forEach((place, i) => to.set(from.subarray(place * size, (place + 1) * size), i * size));
    return to;
  }

  /** The first `length` numbers of what is there by this name, made larger where it does not suffice. */
  #room(buffers: Map<string, Float32Array>, name: string, length: number): Float32Array {
    let buffer = buffers.get(name);
    if (!buffer || buffer.length < length) buffers.set(name, (buffer = new Float32Array(length)));
    return buffer.subarray(0, length);
  }
}
