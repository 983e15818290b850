/** Blurs as lists of weighted offsets, and their application. */
import type { ImageShape } from '../dataset.js';

/** One pixel of a kernel: how far from the pixel that is computed, and its weight. */
export interface Tap {
  readonly y: number;
  readonly x: number;
  readonly weight: number;
}

/** Where a coordinate outside [0, size) is read: at the nearest pixel, or mirrored at the border pixel's middle. */
export type Border = (at: number, size: number) => number;

export const nearest: Border = (at, size) => Math.min(size - 1, Math.max(0, at));

/** As OpenCV's BORDER_REFLECT_101. */
export const mirrored: Border = (at, size) => {
  if (size === 1) return 0;
  const period = 2 * (size - 1);
  const within = ((at % period) + period) % period;
  return within < size ? within : period - within;
};

/** Weighted sum of neighbours, channel by channel. */
export function filter(
  image: Float32Array,
  { height, width, channels }: ImageShape,
  taps: readonly Tap[],
  border: Border,
): Float32Array {
  const result = new Float32Array(image.length);
  for (const { y: dy, x: dx, weight } of taps) {
    for (let y = 0; y < height; y++) {
      const from = border(y + dy, height) * width;
      for (let x = 0; x < width; x++) {
        const source = (from + border(x + dx, width)) * channels;
        const target = (y * width + x) * channels;
        for (let c = 0; c < channels; c++) {
          result[target + c] = (result[target + c] ?? 0) + weight * (image[source + c] ?? 0);
        }
      }
    }
  }
  return result;
}

/**
 * A disk whose edge is softened by a Gaussian of 3 pixels (5 for radii above 8), as ImageNet-C's defocus blur draws it.
 *
 * @param softness standard deviation of the Gaussian, in pixels
 */
export function disk(radius: number, softness: number): Tap[] {
  const reach = radius <= 8 ? 8 : radius;
  const size = 2 * reach + 1;
  const half = radius <= 8 ? 1 : 2;
  const offsets = Array.from({ length: size }, (_, i) => i - reach);
  const inside = offsets.flatMap(y => offsets.map(x => Number(x * x + y * y <= radius * radius)));
  const area = inside.reduce((sum, pixel) => sum + pixel, 0);
  const line = Array.from({ length: 2 * half + 1 }, (_, i) =>
    Math.exp(-((i - half) ** 2) / (2 * softness ** 2)),
  );
  const total = line.reduce((a, b) => a + b, 0);
  const soften = line.flatMap((a, i) =>
    line.map((b, j) => ({ y: i - half, x: j - half, weight: (a * b) / total ** 2 })),
  );
  const shape = { height: size, width: size, channels: 1 };
  const drawn = filter(
    Float32Array.from(inside, pixel => pixel / area),
    shape,
    soften,
    mirrored,
  );
  return offsets
    .flatMap((y, i) => offsets.map((x, j) => ({ y, x, weight: drawn[i * size + j] ?? 0 })))
    .filter(({ weight }) => weight > 0);
}

/**
 * Half a Gaussian laid along a line, as ImageMagick's motion blur.
 *
 * @param radius reach is 2 radius + 1 pixels
 * @param angle in degrees
 */
export function motion(radius: number, sigma: number, angle: number): Tap[] {
  const reach = 2 * radius + 1;
  const weights = Array.from({ length: reach }, (_, i) => Math.exp(-(i * i) / (2 * sigma * sigma)));
  const total = weights.reduce((a, b) => a + b, 0);
  const turn = (angle * Math.PI) / 180;
  return weights.map((weight, i) => ({
    y: Math.ceil(i * Math.sin(turn) - 0.5),
    x: Math.ceil(i * Math.cos(turn) - 0.5),
    weight: weight / total,
  }));
}
