/** Operations that move elements. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor1D, Tensor4D } from '@tensorflow/tfjs-core';
import { build, NdArray, normals } from '../helpers/array.js';
import type { Operation } from './contract.js';

const matrix = normals('matrix', [3, 6]);
const other = normals('other', [3, 2]);
const images = normals('images', [2, 4, 5, 3]);

const integers = (shape: number[], ...values: number[]): NdArray =>
  new NdArray(shape, Float64Array.from(values), 'int32');

export const shapes: readonly Operation[] = [
  {
    name: 'concat of columns',
    inputs: [matrix, other],
    run: (a, b) => tf.concat([a, b], 1),
    define: (a, b) => build([3, 8], (i, j) => (j < 6 ? a.at(i, j) : b.at(i, j - 6))),
    gradient: 'differences',
  },
  {
    name: 'concat of vectors',
    inputs: [normals('a', [3]), normals('b', [2])],
    run: (a, b) => tf.concat([a, b]),
    define: (a, b) => build([5], i => (i < 3 ? a.at(i) : b.at(i - 3))),
    gradient: 'differences',
  },
  {
    name: 'split',
    inputs: [matrix],
    run: x => tf.split(x, 3, 1),
    define: x => [0, 2, 4].map(start => build([3, 2], (i, j) => x.at(i, start + j))),
    gradient: 'differences',
  },
  {
    name: 'stack',
    inputs: [normals('a', [4]), normals('b', [4])],
    run: (a, b) => tf.stack([a, b]),
    define: (a, b) => build([2, 4], (i, j) => (i === 0 ? a : b).at(j)),
    gradient: 'differences',
  },
  {
    name: 'reshape with a free size',
    inputs: [matrix],
    run: x => tf.reshape(x, [-1, 3, 2]),
    define: x => new NdArray([3, 3, 2], x.values),
    gradient: 'differences',
  },
  {
    name: 'transpose',
    inputs: [images],
    run: x => tf.transpose(x, [0, 1, 3, 2]),
    define: x => build([2, 4, 3, 5], (n, h, c, w) => x.at(n, h, w, c)),
    gradient: 'differences',
  },
  {
    name: 'slice',
    inputs: [images],
    run: (x: Tensor4D) => tf.slice(x, [0, 0, 0, 0], [-1, 3, 2, 3]),
    define: x => build([2, 3, 2, 3], (...index) => x.at(...index)),
    gradient: 'differences',
  },
  {
    name: 'pad',
    inputs: [images],
    run: (x: Tensor4D) =>
      tf.pad(x, [
        [0, 0],
        [1, 0],
        [2, 1],
        [0, 0],
      ]),
    define: x =>
      build([2, 5, 8, 3], (n, h, w, c) => (h >= 1 && w >= 2 && w < 7 ? x.at(n, h - 1, w - 2, c) : 0)),
    gradient: 'differences',
  },
  {
    name: 'gather of images',
    inputs: [images, integers([3], 1, 0, 1)],
    run: (x, index: Tensor1D) => tf.gather(x, index),
    define: (x, index) => build([3, 4, 5, 3], (i, ...rest) => x.at(index.at(i), ...rest)),
    gradient: 'none',
  },
  {
    name: 'gather of rows, other ones for each image',
    inputs: [images, integers([2, 2], 0, 1, 2, 3)],
    run: (x, rows) => tf.gather(x, rows, 1, 1),
    define: (x, rows) => build([2, 2, 5, 3], (n, i, w, c) => x.at(n, rows.at(n, i), w, c)),
    gradient: 'none',
  },
  {
    name: 'gather of columns, other ones for each image',
    inputs: [images, integers([2, 3], 2, 3, 4, 0, 1, 2)],
    run: (x, columns) => tf.gather(x, columns, 2, 1),
    define: (x, columns) => build([2, 4, 3, 3], (n, h, i, c) => x.at(n, h, columns.at(n, i), c)),
    gradient: 'none',
  },
];
