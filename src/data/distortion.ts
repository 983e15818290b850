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

/** Black around a glyph: the taps of a pixel up to two away from it reach three beyond. */
const margin = 3;

/** Knots of the smooth fields in each direction. */
const knots = 4;

/** Distorts glyphs of one size, one after the other, in memory of its own: that of each would be more work for the garbage collector than for itself. */
export class Distorter {
  private readonly width: number;
  /** A glyph with black around it. */
  private readonly framed: Uint8Array;
  private readonly inkInRow: Uint8Array;
  /** For each place of the framed glyph whether the 4 x 4 pixels from there on, to the right and below, hold anything but black. */
  private readonly ink: Uint8Array;
  private readonly pulledY: Float32Array;
  private readonly pulledX: Float32Array;
  private readonly drawn = new Float64Array(knots * knots);
  /** For each row of knots what lies between them: [knots, side]. */
  private readonly lines: Float64Array;
  private readonly places: Places;
  private readonly vertical = new Float64Array(4);
  private readonly horizontal = new Float64Array(4);
  private readonly result: Float32Array;

  constructor(
    private readonly side: number,
    private readonly config: DistortionConfig,
  ) {
    this.width = side + 2 * margin;
    this.framed = new Uint8Array(this.width ** 2);
    this.inkInRow = new Uint8Array(this.width ** 2);
    this.ink = new Uint8Array(this.width ** 2);
    this.pulledY = new Float32Array(side * side);
    this.pulledX = new Float32Array(side * side);
    this.lines = new Float64Array(knots * side);
    this.places = placesOf(side);
    this.result = new Float32Array(side * side);
  }

  /** A glyph [side, side] of values 0 to 255, distorted; cubic (a = -1/2), black outside. It holds until the next one is. */
  distort(glyph: Uint8Array, random: Random): Float32Array {
    const { side, width, framed, ink, pulledY, pulledX, vertical, horizontal, result } = this;
    const { affine, elastic, stroke } = this.config;
    const entry = (identity: number): number => identity + symmetric(random, affine);
    const [yy, yx, xy, xx] = [entry(1), entry(0), entry(0), entry(1)];
    this.drawField(pulledY, elastic, random);
    this.drawField(pulledX, elastic, random);
    const widening = 4 * symmetric(random, stroke);
    const centre = (side - 1) / 2;
    this.frame(glyph);
    result.fill(0);
    for (let row = 0, i = 0; row < side; row++) {
      for (let column = 0; column < side; column++, i++) {
        const v = row - centre;
        const u = column - centre;
        const y = centre + yy * v + yx * u + (pulledY[i] ?? 0);
        const x = centre + xy * v + xx * u + (pulledX[i] ?? 0);
        // Beyond these no tap is on the glyph.
        if (y <= -2 || y >= side + 1 || x <= -2 || x >= side + 1) continue;
        const top = Math.floor(y);
        const left = Math.floor(x);
        const first = (top - 1 + margin) * width + left - 1 + margin;
        if (ink[first] === 0) continue;
        cubicWeights(y - top, vertical);
        cubicWeights(x - left, horizontal);
        let value = 0;
        for (let a = 0; a < 4; a++) {
          const start = first + a * width;
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

  private frame(glyph: Uint8Array): void {
    const { side, width, framed } = this;
    for (let row = 0; row < side; row++) {
      framed.set(glyph.subarray(row * side, (row + 1) * side), (row + margin) * width + margin);
    }
    anyOfFour(framed, 1, this.inkInRow);
    anyOfFour(this.inkInRow, width, this.ink);
  }

  /** [side, side]: values at knots drawn from -amount to amount, and smoothly between (3 t^2 - 2 t^3). */
  private drawField(field: Float32Array, amount: number, random: Random): void {
    const { side, drawn, lines } = this;
    const { before, share } = this.places;
    for (let knot = 0; knot < drawn.length; knot++) drawn[knot] = symmetric(random, amount);
    if (amount === 0) return;
    for (let knot = 0; knot < knots; knot++) {
      for (let column = 0; column < side; column++) {
        const from = knot * knots + (before[column] ?? 0);
        lines[knot * side + column] = between(drawn[from] ?? 0, drawn[from + 1] ?? 0, share[column] ?? 0);
      }
    }
    for (let row = 0; row < side; row++) {
      const from = (before[row] ?? 0) * side;
      const down = share[row] ?? 0;
      for (let column = 0; column < side; column++) {
        field[row * side + column] = between(
          lines[from + column] ?? 0,
          lines[from + side + column] ?? 0,
          down,
        );
      }
    }
  }
}

/** Each value, joined with the next three that are `step` apart. */
function anyOfFour(values: Uint8Array, step: number, joined: Uint8Array): void {
  for (let i = 0; i < values.length - 3 * step; i++) {
    joined[i] =
      (values[i] ?? 0) | (values[i + step] ?? 0) | (values[i + 2 * step] ?? 0) | (values[i + 3 * step] ?? 0);
  }
}

/** For each pixel in a line the knot before it, and how far it has come to the next one, smoothed. */
interface Places {
  readonly before: Uint8Array;
  readonly share: Float64Array;
}

function placesOf(side: number): Places {
  const at = (i: number): number => (i / Math.max(1, side - 1)) * (knots - 1);
  const before = Uint8Array.from({ length: side }, (_, i) => Math.min(knots - 2, Math.floor(at(i))));
  const share = Float64Array.from(before, (knot, i) => {
    const t = at(i) - knot;
    return t * t * (3 - 2 * t);
  });
  return { before, share };
}

function between(a: number, b: number, share: number): number {
  return a + share * (b - a);
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
