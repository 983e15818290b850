import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { compile } from '../../src/engine/compile.js';
import { differentiate } from '../../src/engine/gradients.js';
import { batchNormTraining, conv2d, crossEntropy, globalAveragePool, relu } from '../../src/engine/ops.js';
import { startEngine } from '../../src/engine/start.js';
import { disposeTree, leaves } from '../../src/engine/tensor-tree.js';
import { TracingError } from '../../src/errors/index.js';
import { expectClose } from '../helpers/pytorch.js';

beforeAll(() => startEngine());

interface Weights {
  readonly filter: tf.Tensor4D;
  readonly scale: tf.Tensor1D;
  readonly offset: tf.Tensor1D;
}
interface Images {
  readonly x: tf.Tensor4D;
  readonly y: tf.Tensor2D;
}

function trainingStep(weights: Weights, { x, y }: Images) {
  const { loss, gradients, auxiliary } = differentiate({ ...weights }, p => {
    const convolved = conv2d(x, p.filter as tf.Tensor4D, 2, 1);
    const normalised = batchNormTraining(convolved, p.scale as tf.Tensor1D, p.offset as tf.Tensor1D, 1e-5);
    const logits = globalAveragePool(relu(normalised.output));
    return {
      loss: crossEntropy(logits, y, tf.fill([y.shape[0]], 1 / y.shape[0])),
      auxiliary: { mean: normalised.batchMean, logits },
    };
  });
  return { loss, gradients, auxiliary, same: weights.scale };
}

function example(): { weights: Weights; images: Images } {
  return {
    weights: {
      filter: tf.randomNormal([3, 3, 2, 4], 0, 1, 'float32', 1),
      scale: tf.ones([4]),
      offset: tf.zeros([4]),
    },
    images: {
      x: tf.randomNormal([6, 9, 9, 2], 0, 1, 'float32', 2),
      y: tf.oneHot([0, 1, 2, 3, 0, 1], 4, 1, 0, 'float32') as tf.Tensor2D,
    },
  };
}

describe('compile', () => {
  it('gives what the function gives eagerly, gradients and all', () => {
    const { weights, images } = example();
    const step = compile(trainingStep);
    const [compiled, eager] = [leaves(step(weights, images)), leaves(trainingStep(weights, images))];
    expect(compiled.length).toBe(eager.length);
    compiled.forEach((tensor, i) => expectClose(tensor, eager[i] as tf.Tensor, 1e-6));
  });

  it('follows its inputs after it has been traced', () => {
    const step = compile(({ a }: { a: tf.Tensor }, { b }: { b: tf.Tensor }) => tf.mul(tf.add(a, b), 2));
    for (const value of [1, 5, -3]) {
      const result = step({ a: tf.scalar(value) }, { b: tf.tensor1d([1, 2]) });
      expect([...result.dataSync()]).toEqual([2 * (value + 1), 2 * (value + 2)]);
    }
  });

  it.each([
    ['in one argument', (a: tf.Tensor) => [{ a, b: a.clone() }, { c: tf.scalar(1) }] as const],
    ['across both', (a: tf.Tensor) => [{ a, b: tf.scalar(2) }, { c: a.clone() }] as const],
    ['of another shape', (a: tf.Tensor) => [{ a, b: tf.reshape(a, [1]) }, { c: tf.scalar(1) }] as const],
  ])('tells tensors apart that shared their memory when it was traced: %s', (_, first) => {
    const step = compile(({ a, b }: { a: tf.Tensor; b: tf.Tensor }, { c }: { c: tf.Tensor }) => ({
      same: a,
      sum: tf.addN([a, tf.mul(tf.sum(b), 10), tf.mul(c, 100)]),
    }));
    const [fixed, batch] = first(tf.scalar(3));
    disposeTree(step(fixed, batch));
    const later = { a: tf.scalar(1), b: tf.fill(fixed.b.shape, 2) };
    const { same, sum } = step(later, { c: tf.scalar(4) });
    expect([same.dataSync()[0], sum.dataSync()[0]]).toEqual([1, 421]);
  });

  it('leaks no tensor', () => {
    const { weights, images } = example();
    const step = compile(trainingStep);
    disposeTree(step(weights, images));
    const before = tf.memory().numTensors;
    for (let i = 0; i < 20; i++) disposeTree(step(weights, images));
    expect(tf.memory().numTensors).toBe(before);
  });

  it('serves any batch size with one function', () => {
    const weights = { w: tf.randomNormal<tf.Rank.R2>([8, 3], 0, 1, 'float32', 3) };
    const flatten = ({ w }: typeof weights, { x }: { x: tf.Tensor4D }): tf.Tensor2D =>
      tf.matMul(tf.reshape<tf.Rank.R2>(x, [-1, 8]), w);
    const step = compile(flatten, { anyBatch: true });
    for (const n of [3, 1, 7]) {
      const x = tf.randomNormal<tf.Rank.R4>([n, 2, 2, 2], 0, 1, 'float32', n);
      expectClose(step(weights, { x }), flatten(weights, { x }), 1e-6);
    }
  });

  startEngine();
  const one = { a: tf.scalar(1) };
  const misuses: Record<string, [RegExp, (fixed: typeof one, batch: { x: tf.Tensor1D }) => tf.Tensor]> = {
    'reading a value': [/reads the value/, (_, { x }) => tf.scalar(x.dataSync()[0] ?? 0)],
    'a random draw': [/random/, (_, { x }) => tf.add(x, tf.randomUniform([2]))],
    'a captured tensor': [/outside/, (_, { x }) => tf.add(x, one.a)],
    'a counter': [/twice/, (_, { x }) => tf.add(x, counter++)],
    'a value that follows the batch': [/twice/, (_, { x }) => tf.mul(x, x.shape[0])],
  };
  let counter = 0;
  it.each(Object.entries(misuses))('refuses %s', (_, [message, misuse]) => {
    const step = compile(misuse, { anyBatch: true });
    const call = (): unknown => step({ a: tf.scalar(2) }, { x: tf.tensor1d([1, 2]) });
    expect(call).toThrow(TracingError);
    expect(call).toThrow(message);
  });
});
