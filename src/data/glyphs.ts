/** Small grey pictures with labels, of which data sets are made. */
import { DataError } from '../errors/index.js';
import { permutation, stream } from '../random/index.js';

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

/** A random order of 0 .. labels.length - 1, any stretch of which has the classes in their shares of the whole. */
export function stratifiedOrder(labels: Uint8Array, seed: number): Int32Array {
  const classSizes = new Map<number, number>();
  for (const label of labels) classSizes.set(label, (classSizes.get(label) ?? 0) + 1);
  const seen = new Map<number, number>();
  // How far along its own shuffled class each one is, in (0, 1).
  const shares = new Float64Array(labels.length);
  const order = permutation(stream(seed, 'split'), labels.length);
  for (const index of order) {
    const label = labels[index] ?? 0;
    const rank = seen.get(label) ?? 0;
    seen.set(label, rank + 1);
    shares[index] = (rank + 0.5) / (classSizes.get(label) ?? 1);
  }
  return order.sort((a, b) => (shares[a] ?? 0) - (shares[b] ?? 0) || a - b);
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
