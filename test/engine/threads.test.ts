import { execFileSync } from 'node:child_process';
import * as tf from '@tensorflow/tfjs-core';
import type { Scalar, Tensor2D, Tensor4D } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { record } from '../../src/engine/compile.js';
import { differentiate } from '../../src/engine/gradients.js';
import { conv2d, depthwiseConv2d } from '../../src/engine/ops.js';
import { setThreads, startEngine, threadsInAll } from '../../src/engine/start.js';
import type { TensorTree } from '../../src/engine/tensor-tree.js';
import { disposeTree } from '../../src/engine/tensor-tree.js';
import { threadsOf, widthOf } from '../../src/engine/threads.js';
import { compileProgram } from '../checkpoint/support.js';

beforeAll(() => startEngine({ threads: 2 }));

/** The width of what `step` does with an image of [2, 6, 6, 3], a filter of [3, 3, 3, 3] and a matrix of [4, 4]. */
function measure(step: (given: { image: Tensor4D; filter: Tensor4D; matrix: Tensor2D }) => TensorTree) {
  const given = {
    image: tf.zeros<tf.Rank.R4>([2, 6, 6, 3]),
    filter: tf.zeros<tf.Rank.R4>([3, 3, 3, 3]),
    matrix: tf.zeros<tf.Rank.R2>([4, 4]),
  };
  const { graph } = record(step, given, {}, false);
  disposeTree(given);
  return { width: widthOf(graph), threads: threadsOf(graph) };
}

describe('widthOf', () => {
  it('is 1 where each operation waits for the one before it, or there are no products', () => {
    const chain = measure(({ image, filter }) => conv2d(conv2d(image, filter, 1, 1), filter, 1, 1));
    expect(chain).toEqual({ width: 1, threads: 0 });
    expect(measure(({ image }) => tf.square(image))).toEqual({ width: 1, threads: 0 });
  });

  it('is the number of equal branches', () => {
    const branches = measure(({ image, filter }) =>
      [0, 1, 2].map(i => conv2d(tf.mul(image, i), filter, 1, 1)),
    );
    expect(branches).toEqual({ width: 3, threads: 1 });
  });

  it('weighs by multiply-adds', () => {
    // 2 x 36 pixels of 3 x 3 x 3 x 3, half of that by one third, and 64.
    const [whole, apart, matrix] = [2 * 36 * 81, 2 * 36 * 27, 64];
    const { width } = measure(({ image, filter, matrix }) => [
      conv2d(image, filter, 1, 1),
      depthwiseConv2d(image, tf.slice(filter, [0, 0, 0, 0], [-1, -1, -1, 1]), 1, 1),
      tf.matMul(matrix, matrix),
    ]);
    expect(width).toBeCloseTo((whole + apart + matrix) / whole);
  });

  it('is of the forward pass alone', () => {
    const { width } = measure(({ image, filter }) =>
      differentiate({ image, filter }, ({ image, filter }) => {
        const result = conv2d(image as Tensor4D, filter as Tensor4D, 1, 1);
        return { loss: tf.sum<Scalar>(tf.square(result)), auxiliary: {} };
      }),
    );
    expect(width).toBe(1);
  });
});

describe('setThreads', () => {
  it('tells how many there are, whatever they are set to', () => {
    expect([setThreads(1), setThreads(2), setThreads(5), setThreads(0), threadsInAll()]).toEqual([
      2, 2, 2, 2, 2,
    ]);
  });
});

describe('steps whose branches run side by side', () => {
  it('give the same bits whatever ran before them, and leave those of others as they are', () => {
    const program = compileProgram('test/engine/programs/order', ['src']);
    const run = (threads: number, ...branches: number[]): string[] =>
      execFileSync(process.execPath, [program, String(threads), ...branches.map(String)], {
        encoding: 'utf8',
      })
        .trim()
        .split('\n');
    const [one, three] = run(4, 1, 3);
    expect(run(4, 3, 1)).toEqual([three, one]);
    // Otherwise it would show nothing.
    expect(run(1, 1)).not.toEqual([one]);
  });
});
