/** Resizing as two products with interpolation matrices: the same numbers on every backend. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor4D } from '@tensorflow/tfjs-core';
import type { Interpolation, Kernel } from './kernels.js';
import { cubic, interpolations, triangle } from './kernels.js';

/** As PyTorch's. */
const kernels: Readonly<Record<Interpolation, Kernel>> = { bilinear: triangle, bicubic: cubic(-0.75) };

/** By which interpolation `matrix` makes `to` samples of `from`; undefined where by none of these. */
export function interpolationOf(
  matrix: ArrayLike<number>,
  from: number,
  to: number,
): Interpolation | undefined {
  return interpolations.find(interpolation =>
    interpolationMatrix(interpolation, from, to).every((weight, i) => weight === matrix[i]),
  );
}

/** [to, from]: row i holds the weights of the `from` samples in sample i of `to`, corners aligned, borders repeated. */
function interpolationMatrix(interpolation: Interpolation, from: number, to: number): Float32Array {
  const { radius, weight } = kernels[interpolation];
  const matrix = new Float32Array(to * from);
  const scale = to > 1 ? (from - 1) / (to - 1) : 0;
  for (let i = 0; i < to; i++) {
    const centre = i * scale;
    const base = Math.floor(centre);
    for (let j = base - radius + 1; j <= base + radius; j++) {
      const clamped = Math.min(Math.max(j, 0), from - 1);
      matrix[i * from + clamped] = (matrix[i * from + clamped] ?? 0) + weight(centre - j);
    }
  }
  return matrix;
}

/** [n, h, w, c] -> [n, side, side, c], align_corners = true, as PyTorch's interpolate. */
export function resize(images: Tensor4D, side: number, interpolation: Interpolation): Tensor4D {
  const [, height, width, channels] = images.shape;
  if (height === side && width === side) return images;
  const rows = tf.tensor3d(interpolationMatrix(interpolation, height, side), [1, side, height]);
  const columns = tf.tensor2d(interpolationMatrix(interpolation, width, side), [side, width]);
  const flat = tf.reshape<tf.Rank.R3>(images, [-1, height, width * channels]);
  const shrunk = tf.reshape(tf.matMul(rows, flat), [-1, side, width, channels]); // [n, side, w, c]
  const lines = tf.reshape<tf.Rank.R2>(tf.transpose(shrunk, [0, 1, 3, 2]), [-1, width]); // [n side c, w]
  const resized = tf.reshape(tf.matMul(lines, columns, false, true), [-1, side, channels, side]);
  return tf.transpose(resized, [0, 1, 3, 2]) as Tensor4D; // [n, side, side, c]
}
