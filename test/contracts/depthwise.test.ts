import type { Tensor4D } from '@tensorflow/tfjs-core';
import { describe } from 'vitest';
import { depthwiseConv2d } from '../../src/engine/ops.js';
import { startEngine } from '../../src/engine/start.js';
import type { NdArray } from '../helpers/array.js';
import { build, normals } from '../helpers/array.js';
import * as naive from '../helpers/naive.js';
import { holds } from './contract.js';

startEngine();

const kernels = [3, 5];
const strides = [1, 2, 3];
/**
 * Height, width, channels: sides odd and even, so that strides leave pixels over that no window covers, and smaller than a window; the
 * kernels take channels in vectors of 16, 8 and 4, four of the largest at a time, and one by one.
 */
const sizes: readonly [height: number, width: number, channels: number][] = [
  [5, 5, 3],
  [2, 3, 4],
  [7, 8, 93],
];

/** An ordinary filter under which channels do not mix. */
function unmixed(filter: NdArray): NdArray {
  const [height = 0, width = 0, channels = 0] = filter.shape;
  return build([height, width, channels, channels], (y, x, from, to) =>
    from === to ? filter.at(y, x, from, 0) : 0,
  );
}

const cases = kernels.flatMap(kernel =>
  [0, Math.floor(kernel / 2), 'same' as const].flatMap(padding =>
    strides.flatMap(stride =>
      sizes
        .filter(([height, width]) => padding !== 0 || Math.min(height, width) >= kernel)
        .map(size => ({ kernel, padding, stride, size })),
    ),
  ),
);

for (const { kernel, padding, stride, size } of cases) {
  const [height, width, channels] = size;
  const name = `${kernel} x ${kernel}, padding ${padding}, stride ${stride}, ${height} x ${width}, ${channels} channels`;
  describe(`depthwiseConv2d ${name}`, () => {
    const x = normals('x', [2, height, width, channels]);
    const filter = normals('filter', [kernel, kernel, channels, 1]);
    holds({
      name,
      inputs: [x, filter],
      run: (x: Tensor4D, filter: Tensor4D) => depthwiseConv2d(x, filter, stride, padding),
      define: (x, filter) => naive.conv2d(x, unmixed(filter), stride, padding),
      gradient: ([weights = x]) => {
        const [dx, full] = naive.conv2dGradients(x, unmixed(filter), stride, padding, weights);
        return [dx, build(filter.shape, (i, j, channel) => full.at(i, j, channel, channel))];
      },
    });
  });
}
