import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { startEngine } from '../../src/engine/start.js';
import type { AdamState } from '../../training/optimizers.js';
import { adam, nesterov } from '../../training/optimizers.js';
import { discountedReturns, normalise } from '../../training/returns.js';
import { cosine } from '../../training/schedule.js';
import { expectClose, fixture } from '../helpers/pytorch.js';

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
        rate: 3e-4,
        betas: [0.9, 0.999],
        epsilon: 1e-8,
      }));
      expectClose(parameters.w as tf.Tensor, f.tensor(`expected/${i}`), 1e-6);
    }
  });
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
