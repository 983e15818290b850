/** Operations that sum: reductions, products, and what networks build on them. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor, Tensor1D, Tensor2D, Tensor3D, Tensor4D } from '@tensorflow/tfjs-core';
import {
  averagePool,
  batchNormTraining,
  conv2d,
  crossEntropy,
  depthwiseConv2d,
  globalAveragePool,
  hardSwish,
  maxPool,
  relu,
  relu6,
  swish,
} from '../../src/engine/ops.js';
import type { NdArray } from '../helpers/array.js';
import { build, normals, sum } from '../helpers/array.js';
import * as naive from '../helpers/naive.js';
import type { Operation } from './contract.js';

const matrix = normals('matrix', [3, 4]);
const images = normals('images', [2, 3, 4, 3]);
const scale = normals('scale', [3]);
const offset = normals('offset', [3]);
const [mean, variance] = [
  normals('mean', [3]),
  normals('variance', [3]).map(value => Math.fround(0.5 + value ** 2)),
];
const epsilon = 1e-5;
const oneHot = build([3, 4], (i, j) => Number(j === [1, 3, 0][i]));
/** What each row counts. */
const counts = build([3], i => [0.5, 0.125, 2][i] ?? 0);
const overImages = ({ shape: [, h = NaN, w = NaN] }: NdArray): number => h * w;

const average: Pick<Operation, 'inputs' | 'define' | 'gradient'> = {
  inputs: [images],
  define: x => build([2, 3], (n, c) => sum([3, 4], (h, w) => x.at(n, h, w, c)) / overImages(x)),
  gradient: 'differences',
};

function moments(x: NdArray): [mean: NdArray, variance: NdArray] {
  const mean = sum(x.shape, (...index) => x.at(...index)) / x.values.length;
  const squares = sum(x.shape, (...index) => (x.at(...index) - mean) ** 2);
  return [build([], () => mean), build([], () => squares / x.values.length)];
}

export const sums: readonly Operation[] = [
  {
    name: 'sum of all',
    inputs: [matrix],
    run: x => tf.sum(x),
    define: x => build([], () => sum(x.shape, (...index) => x.at(...index))),
    gradient: 'differences',
  },
  {
    name: 'sum of rows',
    inputs: [matrix],
    run: x => tf.sum(x, 1),
    define: x => build([3], i => sum([4], j => x.at(i, j))),
    gradient: 'differences',
  },
  {
    name: 'mean of all',
    inputs: [matrix],
    run: x => tf.mean(x),
    define: x => moments(x)[0],
    gradient: 'differences',
  },
  { name: 'mean over places', run: x => tf.mean(x, [1, 2]), ...average },
  {
    name: 'moments',
    inputs: [matrix],
    run: x => {
      const { mean, variance } = tf.moments(x);
      return [mean, variance];
    },
    define: moments,
    gradient: 'differences',
  },
  {
    name: 'argMax',
    inputs: [matrix],
    run: x => tf.argMax(x, 1),
    define: x =>
      build([3], i => {
        const row = Array.from({ length: 4 }, (_, j) => x.at(i, j));
        return row.indexOf(Math.max(...row));
      }),
    gradient: 'none',
  },
  {
    name: 'softmax',
    inputs: [matrix],
    run: x => tf.softmax(x),
    define: naive.softmax,
    gradient: 'differences',
  },
  {
    name: 'matMul',
    inputs: [matrix, normals('second', [4, 2])],
    run: (a: Tensor2D, b: Tensor2D) => tf.matMul(a, b),
    define: (a, b) => build([3, 2], (i, j) => sum([4], k => a.at(i, k) * b.at(k, j))),
    gradient: 'differences',
  },
  {
    name: 'matMul, the second transposed',
    inputs: [matrix, normals('second', [2, 4])],
    run: (a: Tensor2D, b: Tensor2D) => tf.matMul(a, b, false, true),
    define: (a, b) => build([3, 2], (i, j) => sum([4], k => a.at(i, k) * b.at(j, k))),
    gradient: 'differences',
  },
  {
    name: 'matMul of one matrix with many',
    inputs: [normals('one', [1, 2, 3]), normals('many', [2, 3, 4])],
    run: (a: Tensor3D, b: Tensor3D) => tf.matMul(a, b),
    define: (a, b) => build([2, 2, 4], (n, i, j) => sum([3], k => a.at(0, i, k) * b.at(n, k, j))),
    gradient: 'none',
  },
  {
    name: 'conv2d',
    inputs: [normals('x', [2, 5, 4, 2]), normals('filter', [3, 3, 2, 2])],
    run: (x: Tensor4D, filter: Tensor4D) => conv2d(x, filter, 2, 1),
    define: (x, filter) => naive.conv2d(x, filter, 2, 1),
    gradient: 'differences',
  },
  ...(
    [
      [3, 1, 1],
      [3, 2, 1],
      [3, 2, 'same'],
      [5, 1, 2],
      [5, 2, 2],
      [5, 1, 'same'],
      [5, 2, 'same'],
      [7, 1, 3],
    ] as const
  ).map(([side, stride, padding]): Operation => ({
    name: `depthwiseConv2d with ${side} x ${side}, stride ${stride}, padding ${padding}`,
    inputs: [normals('x', [2, 5, 4, 3]), normals('depthwise', [side, side, 3, 1])],
    run: (x: Tensor4D, filter: Tensor4D) => depthwiseConv2d(x, filter, stride, padding),
    // An ordinary one whose channels do not mix.
    define: (x, filter) =>
      naive.conv2d(
        x,
        build([side, side, 3, 3], (h, w, from, to) => (from === to ? filter.at(h, w, from, 0) : 0)),
        stride,
        padding,
      ),
    gradient: 'differences',
  })),
  ...[1, 2].map((stride): Operation => ({
    name: `conv2d of two groups, stride ${stride}`,
    inputs: [normals('x', [2, 5, 4, 4]), normals('grouped', [3, 3, 2, 6])],
    run: (x: Tensor4D, filter: Tensor4D) => conv2d(x, filter, stride, 1),
    // An ordinary one in which the groups do not mix: outputs 0 to 2 see inputs 0 and 1, outputs 3 to 5 the others.
    define: (x, filter) =>
      naive.conv2d(
        x,
        build([3, 3, 4, 6], (h, w, from, to) =>
          Math.floor(from / 2) === Math.floor(to / 3) ? filter.at(h, w, from % 2, to) : 0,
        ),
        stride,
        1,
      ),
    gradient: 'differences',
  })),
  {
    name: 'batch norm with the batch’s statistics',
    inputs: [images, scale, offset],
    run: (x: Tensor4D, scale: Tensor1D, offset: Tensor1D) =>
      batchNormTraining(x, scale, offset, epsilon).output,
    define: (x, scale, offset) => naive.batchNorm(x, naive.channelMoments(x), scale, offset, epsilon),
    gradient: 'differences',
  },
  // Compiled, these are one operation: of single channels, and of vectors of 4, 8 and 16.
  ...[5, 18].flatMap(channels =>
    (
      [
        ['relu', relu, value => Math.max(0, value)],
        ['relu6', relu6, value => Math.min(6, Math.max(0, value))],
        ['hardSwish', hardSwish, value => (value * Math.min(6, Math.max(0, value + 3))) / 6],
        ['swish', swish, value => value / (1 + Math.exp(-value))],
      ] as const satisfies readonly [string, typeof relu, (value: number) => number][]
    ).flatMap(([name, activation, define]) => {
      const inputs = [
        normals(`${name} x`, [2, 2, 3, channels]),
        normals('scale', [channels]).map(value => 3 * value),
        normals('offset', [channels]),
      ];
      const normalised = (x: NdArray, scale: NdArray, offset: NdArray): NdArray =>
        naive.batchNorm(x, naive.channelMoments(x), scale, offset, epsilon);
      return [
        {
          name: `batch norm of ${channels} channels, then ${name}`,
          inputs,
          run: (x: Tensor, scale: Tensor, offset: Tensor) =>
            activation(
              batchNormTraining(x as Tensor4D, scale as Tensor1D, offset as Tensor1D, epsilon).output,
            ),
          define: (x: NdArray, scale: NdArray, offset: NdArray) => normalised(x, scale, offset).map(define),
          gradient: 'differences',
        },
        {
          name: `batch norm of ${channels} channels and an addend, then ${name}`,
          inputs: [...inputs, normals('addend', [2, 2, 3, channels])],
          run: (x: Tensor, scale: Tensor, offset: Tensor, addend: Tensor) => {
            const { output } = batchNormTraining(
              x as Tensor4D,
              scale as Tensor1D,
              offset as Tensor1D,
              epsilon,
            );
            return activation(tf.add<Tensor4D>(output, addend));
          },
          define: (x: NdArray, scale: NdArray, offset: NdArray, addend: NdArray) => {
            const sums = normalised(x, scale, offset);
            return build(x.shape, (...index) => define(sums.at(...index) + addend.at(...index)));
          },
          gradient: 'differences',
        },
      ] satisfies Operation[];
    }),
  ),
  {
    name: 'batch norm’s statistics',
    inputs: [images, scale, offset],
    run: (x: Tensor4D, scale: Tensor1D, offset: Tensor1D) => {
      const { batchMean, batchVariance } = batchNormTraining(x, scale, offset, epsilon);
      return [batchMean, batchVariance];
    },
    define: x => {
      const { mean, variance } = naive.channelMoments(x);
      const count = x.values.length / 3;
      return [mean, variance.map(value => (value * count) / (count - 1))];
    },
    gradient: 'none',
  },
  {
    name: 'batch norm with running statistics',
    inputs: [images, mean, variance, offset, scale],
    run: (x, mean, variance, offset, scale) =>
      tf.batchNorm(
        x as Tensor4D,
        mean as Tensor1D,
        variance as Tensor1D,
        offset as Tensor1D,
        scale as Tensor1D,
        epsilon,
      ),
    define: (x, mean, variance, offset, scale) =>
      naive.batchNorm(x, { mean, variance }, scale, offset, epsilon),
    gradient: 'differences',
  },
  { name: 'globalAveragePool', run: (x: Tensor) => globalAveragePool(x as Tensor4D), ...average },
  {
    name: 'maxPool',
    inputs: [images],
    run: (x: Tensor4D) => maxPool(x, 3, 2, 1),
    // All values of the windows' borders may be below zero: padding must never win.
    define: x => {
      const [, height = 0, width = 0] = x.shape;
      return build([2, 2, 2, 3], (n, i, j, c) => {
        const rows = [2 * i - 1, 2 * i, 2 * i + 1].filter(row => row >= 0 && row < height);
        const columns = [2 * j - 1, 2 * j, 2 * j + 1].filter(column => column >= 0 && column < width);
        return Math.max(...rows.flatMap(row => columns.map(column => x.at(n, row, column, c))));
      });
    },
    gradient: 'differences',
  },
  {
    name: 'averagePool',
    inputs: [images],
    run: (x: Tensor4D) => averagePool(x, 2),
    define: x =>
      build([2, 1, 2, 3], (n, i, j, c) => sum([2, 2], (h, w) => x.at(n, 2 * i + h, 2 * j + w, c)) / 4),
    gradient: 'differences',
  },
  {
    name: 'crossEntropy',
    inputs: [matrix],
    run: (logits: Tensor2D) => crossEntropy(logits, oneHot.tensor(), counts.tensor()),
    define: logits => {
      const probabilities = naive.softmax(logits);
      const loss = sum([3, 4], (i, j) => -counts.at(i) * oneHot.at(i, j) * Math.log(probabilities.at(i, j)));
      return build([], () => loss);
    },
    gradient: 'differences',
  },
];
