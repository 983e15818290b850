import { expect, it } from 'vitest';
import { mnistDigits } from '../../src/data/digits.js';
import { DistortionConfig, Distorter } from '../../src/data/distortion.js';
import type { Random } from '../../src/random/index.js';
import { stream } from '../../src/random/index.js';

const side = 28;
const distorted = (glyph: Uint8Array, side: number, config: DistortionConfig, random: Random): Float32Array =>
  new Distorter(side, config).distort(glyph, random);
const undistorted = DistortionConfig.parse({});
const glyph = mnistDigits().pixels.subarray(5 * side * side, 6 * side * side);

it('gives the glyph itself where nothing varies', () => {
  expect([...distorted(glyph, side, undistorted, Math.random)]).toEqual([...glyph]);
});

it('reads each pixel where its affine map says', () => {
  // Entries [0, 1, -1, 0], a quarter turn: pixels come from pixels.
  const draws = [0, 1, 0, 0][Symbol.iterator]();
  const turned = distorted(glyph, side, { ...undistorted, affine: 1 }, () => draws.next().value ?? 0.5);
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      expect(turned[row * side + column]).toBe(glyph[column * side + (side - 1 - row)]);
    }
  }
});

it('continues a quadratic exactly between its pixels, as cubic convolution does', () => {
  const plane = Uint8Array.from({ length: side * side }, (_, i) => 2 * (i % side) + Math.floor(i / side));
  const bowl = Uint8Array.from({ length: 12 }, (_, i) => i * i);
  // All draws 1: affine entries 1.1, 0.1, 0.1, 1.1 and every knot pulled by 0.7.
  const moved = distorted(plane, side, { affine: 0.1, elastic: 0.7, stroke: 0 }, () => 1);
  const pulled = distorted(
    Uint8Array.from({ length: 144 }, (_, i) => (bowl[Math.floor(i / 12)] ?? 0) + (bowl[i % 12] ?? 0)),
    12,
    { ...undistorted, elastic: 0.3 },
    () => 1,
  );
  for (let row = 4; row < 20; row++) {
    for (let column = 4; column < 20; column++) {
      const [v, u] = [row - 13.5, column - 13.5];
      const [y, x] = [13.5 + 1.1 * v + 0.1 * u + 0.7, 13.5 + 0.1 * v + 1.1 * u + 0.7];
      expect(moved[row * side + column]).toBeCloseTo(2 * x + y, 3);
    }
  }
  for (let row = 1; row < 9; row++) {
    for (let column = 1; column < 9; column++) {
      expect(pulled[row * 12 + column]).toBeCloseTo((row + 0.3) ** 2 + (column + 0.3) ** 2, 3);
    }
  }
});

it('pulls the knots each its own way, and what lies between them smoothly', () => {
  // A ramp shows where each pixel was read. Draws after the affine map's four: rows' knots, then columns'.
  const ramp = Uint8Array.from({ length: side * side }, (_, i) => 4 * Math.floor(i / side) + 20);
  const draws = [0, 0, 0, 0, ...Array.from({ length: 16 }, (_, i) => (i === 5 ? 1 : 0.5))][Symbol.iterator]();
  const pulled = distorted(ramp, side, { ...undistorted, elastic: 1 }, () => draws.next().value ?? 0.5);
  const shift = (row: number, column: number): number => ((pulled[row * side + column] ?? 0) - 20) / 4 - row;
  // Knots lie at 0, 9, 18 and 27; the pulled one at (9, 9).
  expect(shift(9, 9)).toBeCloseTo(1, 4);
  expect(shift(18, 9)).toBeCloseTo(0, 4);
  expect(shift(9, 18)).toBeCloseTo(0, 4);
  expect(shift(9, 12)).toBeCloseTo(1 - (1 / 9) * (3 - 2 / 3), 4);
  for (let column = 10; column < 18; column++) expect(shift(9, column)).toBeLessThan(shift(9, column - 1));
});

it('makes the stroke wider or thinner, black and white stay', () => {
  const drawn = (draw: number) => distorted(glyph, side, { ...undistorted, stroke: 0.3 }, () => draw);
  const [thin, wide] = [drawn(0), drawn(1)];
  glyph.forEach((value, i) => {
    const grey = value > 0 && value < 255;
    expect(thin[i]).toBeLessThanOrEqual(value);
    expect(wide[i]).toBeGreaterThanOrEqual(value);
    expect(thin[i] !== value && wide[i] !== value).toBe(grey);
  });
});

it('is a function of its random stream, and stays within 0 and 255', () => {
  const config = { affine: 0.15, elastic: 2, stroke: 0.5 };
  const draw = (seed: number) => distorted(glyph, side, config, stream(seed, 'distortion'));
  expect(draw(1)).toEqual(draw(1));
  expect(draw(1)).not.toEqual(draw(2));
  for (let seed = 0; seed < 50; seed++) {
    const values = draw(seed);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...values)).toBeLessThanOrEqual(255);
  }
});

it('sees black where it looks beyond the glyph', () => {
  const white = new Uint8Array(side * side).fill(255);
  const far = distorted(white, side, { affine: 0.5, elastic: 4, stroke: 0 }, () => 1);
  // The last pixel is read at 13.5 + 13.5 x 2 + 4, far beyond.
  expect(far.at(-1)).toBe(0);
  expect(Math.max(...far)).toBe(255);
});

it('distorts one glyph after the other as each by itself', () => {
  const config = { affine: 0.15, elastic: 2, stroke: 0.5 };
  const distorter = new Distorter(side, config);
  const other = mnistDigits().pixels.subarray(0, side * side);
  for (const [seed, of] of [glyph, other, glyph].entries()) {
    const alone = distorted(of, side, config, stream(seed, 'distortion'));
    expect(distorter.distort(of, stream(seed, 'distortion'))).toEqual(alone);
  }
});
