/**
 * Resizing as products with interpolation matrices: the same numbers on every backend. Rows come first, a few at a time, for each is made of
 * a few neighbours. (On ONNX Runtime that takes about half as long as products with whole matrices. Its own Resize takes as long as those
 * for bilinear, many times as long for bicubic.)
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor4D } from '@tensorflow/tfjs-core';
import type { Interpolation, Kernel } from './kernels.js';
import { cubic, triangle } from './kernels.js';

/** As PyTorch's. */
const kernels: Readonly<Record<Interpolation, Kernel>> = { bilinear: triangle, bicubic: cubic(-0.75) };

/** Most rows that are made at a time. */
const mostRows = 16;

const scaleOf = (from: number, to: number): number => (to > 1 ? (from - 1) / (to - 1) : 0);

/** [to, from]: row i holds the weights of the `from` samples in sample i of `to`, corners aligned, borders repeated. */
function interpolationMatrix(interpolation: Interpolation, from: number, to: number): Float32Array {
  const { radius, weight } = kernels[interpolation];
  const matrix = new Float32Array(to * from);
  for (let i = 0; i < to; i++) {
    const centre = i * scaleOf(from, to);
    const base = Math.floor(centre);
    for (let j = base - radius + 1; j <= base + radius; j++) {
      const clamped = Math.min(Math.max(j, 0), from - 1);
      matrix[i * from + clamped] = (matrix[i * from + clamped] ?? 0) + weight(centre - j);
    }
  }
  return matrix;
}

/** The rows of that matrix in blocks, each without most of the columns in which it has only zeros. */
interface Banded {
  /** [blocks, width] */
  readonly columns: Int32Array;
  /** [blocks, size, width] */
  readonly values: Float32Array;
  readonly blocks: number;
  readonly size: number;
  readonly width: number;
}

function bandedMatrix(interpolation: Interpolation, from: number, to: number): Banded {
  const { radius } = kernels[interpolation];
  const matrix = interpolationMatrix(interpolation, from, to);
  const size = largestDivisor(to, mostRows);
  const blocks = to / size;
  const reach = Math.ceil((size - 1) * scaleOf(from, to)) + 2 * radius;
  const width = Math.min(reach, from);
  const firsts = Array.from({ length: blocks }, (_, block) => {
    const first = Math.floor(block * size * scaleOf(from, to)) - radius + 1;
    return Math.min(Math.max(first, 0), from - width);
  });
  const columns = firsts.flatMap(first => Array.from({ length: width }, (_, k) => first + k));
  const values = Array.from({ length: to }, (_, i) => {
    const first = firsts[Math.floor(i / size)] ?? 0;
    return [...matrix.subarray(i * from + first, i * from + first + width)];
  });
  return { columns: Int32Array.from(columns), values: Float32Array.from(values.flat()), blocks, size, width };
}

function largestDivisor(of: number, most: number): number {
  let divisor = Math.min(of, most);
  while (of % divisor !== 0) divisor--;
  return divisor;
}

/** [n, h, w, c] -> [n, side, side, c], align_corners = true, as PyTorch's interpolate. */
export function resize(images: Tensor4D, side: number, interpolation: Interpolation): Tensor4D {
  const [, height, width, channels] = images.shape;
  if (height === side && width === side) return images;
  const band = bandedMatrix(interpolation, height, side);
  const chosen = tf.gather(images, tf.tensor1d(band.columns, 'int32'), 1);
  const rows = tf.matMul(
    tf.tensor4d(band.values, [1, band.blocks, band.size, band.width]),
    tf.reshape(chosen, [-1, band.blocks, band.width, width * channels]),
  ); // [n, blocks, size, w c]
  const planes = tf.transpose(tf.reshape(rows, [-1, side, width, channels]), [0, 3, 1, 2]); // [n, c, h, w]
  const columns = tf.tensor2d(interpolationMatrix(interpolation, width, side), [side, width]);
  const resized = tf.matMul(tf.reshape<tf.Rank.R2>(planes, [-1, width]), columns, false, true); // [n c h, w]
  return tf.transpose(tf.reshape<tf.Rank.R4>(resized, [-1, channels, side, side]), [0, 2, 3, 1]);
}
