import type { Tensor4D } from '@tensorflow/tfjs-core';
import { describe } from 'vitest';
import { conv2d } from '../../src/engine/ops.js';
import { startEngine } from '../../src/engine/start.js';
import { normals } from '../helpers/array.js';
import * as naive from '../helpers/naive.js';
import { holds } from './contract.js';

startEngine();

const kernels = [1, 3, 5];
const strides = [1, 2, 3];
/**
 * Height, width, channels in and out: sides odd and even, so that strides leave pixels over that no window covers; oneDNN has
 * kernels of its own for few channels and for whole vectors of them.
 */
const sizes: readonly [height: number, width: number, channels: number, out: number][] = [
  [5, 5, 3, 4],
  [8, 6, 3, 4],
  [7, 8, 16, 16],
];

const cases = kernels.flatMap(kernel =>
  [...new Set([0, Math.floor(kernel / 2), 'same' as const])].flatMap(padding =>
    strides.flatMap(stride => sizes.map(size => ({ kernel, padding, stride, size }))),
  ),
);

for (const { kernel, padding, stride, size } of cases) {
  const [height, width, channels, out] = size;
  const name = `${kernel} x ${kernel}, padding ${padding}, stride ${stride}, ${height} x ${width}, ${channels} to ${out} channels`;
  describe(`conv2d ${name}`, () => {
    const x = normals('x', [2, height, width, channels]);
    const filter = normals('filter', [kernel, kernel, channels, out]);
    holds({
      name,
      inputs: [x, filter],
      run: (x: Tensor4D, filter: Tensor4D) => conv2d(x, filter, stride, padding),
      define: (x, filter) => naive.conv2d(x, filter, stride, padding),
      gradient: ([weights = x]) => naive.conv2dGradients(x, filter, stride, padding, weights),
    });
  });
}
