/**
 * Resizing as two products with interpolation matrices: the same numbers on every backend. The first turns the image round, so that rows and
 * columns are both contracted where they lie. (ONNX Runtime's own Resize takes as long for bilinear, many times as long for bicubic.)
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor4D } from '@tensorflow/tfjs-core';
import type { Interpolation, Kernel } from './kernels.js';
import { cubic, triangle } from './kernels.js';

/** As PyTorch's. */
const kernels: Readonly<Record<Interpolation, Kernel>> = { bilinear: triangle, bicubic: cubic(-0.75) };

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
  const columns = tf.tensor3d(interpolationMatrix(interpolation, width, side), [1, side, width]);
  const flat = tf.reshape<tf.Rank.R3>(images, [-1, height, width * channels]);
  const shrunk = tf.reshape(tf.matMul(flat, rows, true, true), [-1, width, channels * side]); // [n, w, c side]
  const resized = tf.reshape(tf.matMul(columns, shrunk), [-1, side, channels, side]); // [n, w, c, h]
  return tf.transpose(resized, [0, 3, 1, 2]) as Tensor4D; // [n, h, w, c]
}
