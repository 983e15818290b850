/** Small grey pictures with labels, of which data sets are made. */
import { DataError } from '../errors/index.js';
import type { Random } from '../random/index.js';
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

/**
 * A glyph [side, side] under a random affine map about its centre, each of whose four entries is off the identity's by up to
 * `amount`; bilinear, black outside.
 */
export function distorted(glyph: Uint8Array, side: number, amount: number, random: Random): Float32Array {
  const entry = (identity: number): number => identity + amount * (2 * random() - 1);
  const [yy, yx, xy, xx] = [entry(1), entry(0), entry(0), entry(1)];
  const centre = (side - 1) / 2;
  const at = (y: number, x: number): number =>
    y >= 0 && y < side && x >= 0 && x < side ? (glyph[y * side + x] ?? 0) : 0;
  const result = new Float32Array(side * side);
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const [v, u] = [row - centre, column - centre];
      const [y, x] = [centre + yy * v + yx * u, centre + xy * v + xx * u];
      const [top, left] = [Math.floor(y), Math.floor(x)];
      const [down, right] = [y - top, x - left];
      const above = at(top, left) * (1 - right) + at(top, left + 1) * right;
      const below = at(top + 1, left) * (1 - right) + at(top + 1, left + 1) * right;
      result[row * side + column] = above * (1 - down) + below * down;
    }
  }
  return result;
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
