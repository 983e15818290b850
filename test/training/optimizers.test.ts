import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { startEngine } from '../../src/engine/start.js';
import type { AdamState } from '../../training/optimizers.js';
import { adam, average, clipped, nesterov } from '../../training/optimizers.js';
import { discountedReturns, normalise } from '../../training/returns.js';
import { cosine, decayAt, warmUp } from '../../training/schedule.js';
import { expectClose, fixture } from '../helpers/pytorch.js';
import { finetuning } from './support.js';

beforeAll(() => startEngine());

describe('equal to PyTorch over five steps', () => {
  it('SGD with Nesterov momentum and weight decay', () => {
    const f = fixture('sgd');
    const rates = JSON.parse(f.metadata.rates ?? '[]') as number[];
    let parameters: Record<string, tf.Tensor> = { w: f.tensor('weight') };
    let velocity: Record<string, tf.Tensor> = { w: tf.zeros([3, 4]) };
    rates.forEach((rate, i) => {
      ({ parameters, velocity } = nesterov(parameters, { w: f.tensor(`gradient/${i}`) }, velocity, {
        momentum: 0.9,
        weightDecay: 1e-4,
        rate: () => tf.scalar(rate),
      }));
      expectClose(parameters.w as tf.Tensor, f.tensor(`expected/${i}`), 1e-6);
    });
  });

  it('Adam', () => {
    const f = fixture('adam');
    let parameters: Record<string, tf.Tensor> = { w: f.tensor('weight') };
    let state: AdamState = {
      mean: { w: tf.zeros([3, 4]) },
      square: { w: tf.zeros([3, 4]) },
      count: tf.scalar(0),
    };
    for (let i = 0; i < 5; i++) {
      ({ parameters, state } = adam(parameters, { w: f.tensor(`gradient/${i}`) }, state, {
        rate: tf.scalar(3e-4),
        betas: [0.9, 0.999],
        epsilon: 1e-8,
      }));
      expectClose(parameters.w as tf.Tensor, f.tensor(`expected/${i}`), 1e-6);
    }
  });
});

describe('as in PyTorch', () => {
  it.each(finetuning.bounded)('all gradients are bounded together, from a norm of $norm', f => {
    const [a, b] = [tf.tensor(f.given[0]), tf.tensor(f.given[1])];
    const { gradients, norm } = clipped({ a, b }, 1);
    expectClose(norm.gradientNorm as tf.Scalar, tf.scalar(f.norm));
    expectClose(gradients.a as tf.Tensor, tf.tensor(f.expected[0]));
    expectClose(gradients.b as tf.Tensor, tf.tensor(f.expected[1]));
  });

  it('the average of the weights moves, from the first of them', () => {
    const { decay, weights, expected } = finetuning.averaged;
    const [first = [], ...later] = weights;
    let mean: Record<string, tf.Tensor> = { w: tf.tensor1d(first) };
    for (const w of later) mean = average(mean, { w: tf.tensor1d(w) }, tf.scalar(1 - decay));
    expectClose(mean.w as tf.Tensor, tf.tensor1d(expected));
  });
});

it('warm-up reaches the whole rate by equal steps, and stays there', () => {
  const at = (done: number): number => warmUp({ epoch: Math.floor(done / 4), step: done % 4, steps: 4 }, 1.5);
  expect([0, 1, 2, 3, 4, 5, 6, 20].map(at)).toEqual([1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1, 1, 1]);
  expect(warmUp({ epoch: 0, step: 0, steps: 4 }, 0)).toBe(1);
});

it('an average forgets faster while it is young', () => {
  const at = (step: number): number => decayAt({ epoch: 0, step, steps: 1e6 }, 0.99);
  expect([0, 8, 90].map(at)).toEqual([0.1, 0.5, 0.91]);
  expect(at(1e5)).toBe(0.99);
});

it('cosine goes from the initial rate to 0', () => {
  expect(cosine(0.1, 0, 10)).toBe(0.1);
  expect(cosine(0.1, 5, 10)).toBeCloseTo(0.05, 12);
  expect(cosine(0.1, 10, 10)).toBeCloseTo(0, 12);
});

it('returns equal a naive sum, and are normalised with the unbiased deviation', () => {
  const rewards = [
    [0.5, -0.25],
    [0.125, 1],
    [2, 0],
  ];
  const gamma = 0.7;
  const naive = rewards.map((_, t) =>
    [0, 1].map(i => rewards.slice(t).reduce((sum, r, k) => sum + gamma ** k * (r[i] ?? 0), 0)),
  );
  const returns = discountedReturns(
    rewards.map(r => tf.tensor1d(r)),
    gamma,
  );
  expectClose(tf.stack(returns), tf.tensor(naive), 1e-6);
  const flat = naive.flat();
  const mean = flat.reduce((a, b) => a + b) / flat.length;
  const std = Math.sqrt(flat.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (flat.length - 1));
  expectClose(
    normalise(tf.concat(returns)),
    tf.tensor(flat.map(value => (value - mean) / (std + 1e-5))),
    1e-5,
  );
});
