import * as tf from '@tensorflow/tfjs-core';
import type { Tensor2D } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { peakBytes } from '../../src/engine/peak.js';
import { startEngine } from '../../src/engine/start.js';
import type { TensorTree } from '../../src/engine/tensor-tree.js';

beforeAll(() => startEngine());

const rows = 5;
/** Bytes of [rows, 4]. */
const size = rows * 4 * 4;

interface Weights {
  readonly w: Tensor2D;
}
interface Batch {
  readonly x: Tensor2D;
}

function peak(step: (weights: Weights, batch: Batch) => TensorTree): number {
  const before = tf.memory().numTensors;
  const given = { weights: { w: tf.ones<tf.Rank.R2>([3, 4]) }, batch: { x: tf.ones<tf.Rank.R2>([1, 3]) } };
  const bytes = peakBytes(step, given.weights, given.batch, rows);
  tf.dispose([given.weights.w, given.batch.x]);
  expect(tf.memory().numTensors).toBe(before);
  return bytes;
}

describe('peakBytes', () => {
  it('counts a result and what it is made of, and nothing of what is given', () => {
    expect(peak(({ w }, { x }) => [tf.matMul(x, w)])).toBe(size);
    expect(peak(({ w }, { x }) => [tf.square(tf.matMul(x, w))])).toBe(2 * size);
  });

  it('frees what is not used again, however long the chain', () => {
    const chain = (x: tf.Tensor, length: number): tf.Tensor =>
      length === 0 ? x : chain(tf.square(x), length - 1);
    expect(peak(({ w }, { x }) => [chain(tf.matMul(x, w), 10)])).toBe(2 * size);
  });

  it('keeps what is used later, or given back', () => {
    expect(
      peak(({ w }, { x }) => {
        const first = tf.matMul(x, w);
        return [tf.add(tf.square(tf.square(tf.square(first))), first)];
      }),
    ).toBe(3 * size);
    expect(
      peak(({ w }, { x }) => {
        const first = tf.matMul(x, w);
        return [first, tf.square(tf.square(tf.square(first)))];
      }),
    ).toBe(3 * size);
  });

  it('takes a new shape for the same memory', () => {
    expect(
      peak(({ w }, { x }) => {
        const first = tf.matMul(x, w);
        return [tf.square(tf.reshape(tf.square(tf.reshape(first, [-1, 2, 2])), [-1, 4]))];
      }),
    ).toBe(2 * size);
  });

  it('counts what does not follow the rows once', () => {
    expect(peak(({ w }) => [tf.square(w)])).toBe(3 * 4 * 4);
  });
});
