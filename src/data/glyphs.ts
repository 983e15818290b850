/** Small grey pictures with labels, of which data sets are made. */
import { DataError } from '../errors/index.js';

export interface Glyphs {
  /** Height and width in pixels. */
  readonly side: number;
  /** [count, side, side], 0 (black) to 255. */
  readonly pixels: Uint8Array;
  /** [count]: class indices. */
  readonly labels: Uint8Array;
}

/** The glyphs at `indices`, copied. */
export function take({ side, pixels, labels }: Glyphs, indices: Int32Array): Glyphs {
  const size = side * side;
  const taken = new Uint8Array(indices.length * size);
  indices.forEach((index, i) => taken.set(pixels.subarray(index * size, (index + 1) * size), i * size));
  return { side, pixels: taken, labels: Uint8Array.from(indices, index => labels[index] ?? 0) };
}

/** @throws DataError when a square of side `inner` does not fit in one of side `outer`; `option` is what to change */
export function requireFit(problem: string, option: string, inner: number, outer: number): void {
  if (inner <= outer) return;
  throw new DataError({
    problem,
    given: `${inner} x ${inner} pixels in ${outer} x ${outer}`,
    mend: `change ${option}`,
  });
}
