/** Handwriting varied at random: slant, shape and width of the stroke (after Simard et al. 2003, "Best Practices for CNNs"). */
import { z } from 'zod';
import type { Random } from '../random/index.js';

export const DistortionConfig = z.strictObject({
  /** Each entry of the affine map is off the identity's by up to this; 0.1 turns by up to 6 degrees, scales by up to 10 %, and shears. */
  affine: z.number().min(0).max(0.5).default(0),
  /** Knots, 4 x 4 over the glyph, are pulled by up to this in either direction, in pixels; what lies between follows smoothly. */
  elastic: z.number().min(0).max(4).default(0),
  /** Grey edges of the stroke are brightened or darkened by up to this, which makes it wider or thinner. */
  stroke: z.number().min(0).max(1).default(0),
});
export type DistortionConfig = Readonly<z.infer<typeof DistortionConfig>>;

export const undistorted: DistortionConfig = { affine: 0, elastic: 0, stroke: 0 };

/** A glyph [side, side] of values 0 to 255, distorted; cubic (a = -1/2), black outside. */
export function distorted(
  glyph: Uint8Array,
  side: number,
  { affine, elastic, stroke }: DistortionConfig,
  random: Random,
): Float32Array {
  const entry = (identity: number): number => identity + symmetric(random, affine);
  const [yy, yx, xy, xx] = [entry(1), entry(0), entry(0), entry(1)];
  const pulledY = smoothField(side, elastic, random);
  const pulledX = smoothField(side, elastic, random);
  const widening = 4 * symmetric(random, stroke);
  const centre = (side - 1) / 2;
  const framed = frame(glyph, side);
  const width = side + 2 * margin;
  const result = new Float32Array(side * side);
  const [vertical, horizontal] = [new Float64Array(4), new Float64Array(4)];
  for (let row = 0, i = 0; row < side; row++) {
    for (let column = 0; column < side; column++, i++) {
      const [v, u] = [row - centre, column - centre];
      const y = centre + yy * v + yx * u + (pulledY[i] ?? 0);
      const x = centre + xy * v + xx * u + (pulledX[i] ?? 0);
      // Beyond these no tap is on the glyph.
      if (y <= -2 || y >= side + 1 || x <= -2 || x >= side + 1) continue;
      const [top, left] = [Math.floor(y), Math.floor(x)];
      cubicWeights(y - top, vertical);
      cubicWeights(x - left, horizontal);
      let value = 0;
      for (let a = 0; a < 4; a++) {
        const start = (top - 1 + a + margin) * width + left - 1 + margin;
        let line = 0;
        for (let b = 0; b < 4; b++) line += (horizontal[b] ?? 0) * (framed[start + b] ?? 0);
        value += (vertical[a] ?? 0) * line;
      }
      const share = clamp(value / 255);
      result[i] = 255 * clamp(share + widening * share * (1 - share));
    }
  }
  return result;
}

/** Black around a glyph: the taps of a pixel up to two away from it reach three beyond. */
const margin = 3;

function frame(glyph: Uint8Array, side: number): Uint8Array {
  const width = side + 2 * margin;
  const framed = new Uint8Array(width * width);
  for (let row = 0; row < side; row++) {
    framed.set(glyph.subarray(row * side, (row + 1) * side), (row + margin) * width + margin);
  }
  return framed;
}

/** Knots of the smooth field in each direction. */
const knots = 4;

/** [side, side]: values at knots drawn from -amount to amount, and smoothly between (3 t^2 - 2 t^3). */
function smoothField(side: number, amount: number, random: Random): Float32Array {
  const drawn = Float64Array.from({ length: knots * knots }, () => symmetric(random, amount));
  const field = new Float32Array(side * side);
  if (amount === 0) return field;
  const places = Array.from({ length: side }, (_, i) => {
    const at = (i / Math.max(1, side - 1)) * (knots - 1);
    const knot = Math.min(knots - 2, Math.floor(at));
    const t = at - knot;
    return { knot, share: t * t * (3 - 2 * t) };
  });
  places.forEach(({ knot: top, share: down }, row) => {
    const line = Float64Array.from({ length: knots }, (_, column) => {
      const [above, below] = [drawn[top * knots + column] ?? 0, drawn[(top + 1) * knots + column] ?? 0];
      return above + down * (below - above);
    });
    places.forEach(({ knot: left, share: right }, column) => {
      const [before, after] = [line[left] ?? 0, line[left + 1] ?? 0];
      field[row * side + column] = before + right * (after - before);
    });
  });
  return field;
}

/** Weights of the four samples around t in [0, 1) (Keys 1981, a = -1/2). */
function cubicWeights(t: number, weights: Float64Array): void {
  weights[0] = ((-0.5 * t + 1) * t - 0.5) * t;
  weights[1] = (1.5 * t - 2.5) * t * t + 1;
  weights[2] = ((-1.5 * t + 2) * t + 0.5) * t;
  weights[3] = (0.5 * t - 0.5) * t * t;
}

function symmetric(random: Random, amount: number): number {
  return amount * (2 * random() - 1);
}

function clamp(share: number): number {
  return Math.min(1, Math.max(0, share));
}
