import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Tensors } from '../../src/engine/gradients.js';
import { differentiate } from '../../src/engine/gradients.js';
import { startEngine } from '../../src/engine/start.js';
import { boxOf } from '../../src/crop/box.js';
import { ModelConfig } from '../../src/model/config.js';
import { GFNet } from '../../src/model/gfnet.js';
import type { Variables } from '../../src/nn/scope.js';
import { apply } from '../../src/nn/scope.js';
import { normal, stream, uniform } from '../../src/random/index.js';
import type { Experience, PolicyOptions } from '../../training/policy-step.js';
import { policyStep, rollOut, surrogate } from '../../training/policy-step.js';
import { zerosLikeAll } from '../../training/optimizers.js';
import { discountedReturns, normalise } from '../../training/returns.js';
import { expectClose, fixture } from '../helpers/pytorch.js';

beforeAll(() => startEngine());

const f = fixture('ppo');
const given = (name: string): number => Number(f.metadata[name]);

function network(policy: object): GFNet {
  return new GFNet(
    ModelConfig.parse({
      patch: 8,
      steps: 4,
      encoder: { name: 'small', widths: [4, 6] },
      classifier: { kind: 'gru', hidden: 8 },
      policy,
      side: 16,
      channels: 1,
      classes: ['a', 'b', 'c'],
    }),
  );
}

const options: PolicyOptions = {
  gamma: given('gamma'),
  clip: given('clip'),
  valueWeight: given('value_weight'),
  entropyWeight: given('entropy_weight'),
  updates: 1,
  adam: { betas: [0.9, 0.999], epsilon: 1e-8 },
};

function rows<T extends tf.Tensor>(name: string): T[] {
  return tf.unstack(f.tensor(name)) as T[];
}

/** The fixture's `prefix`: weights, or gradients, under this project's names and layout. */
function policyTensors(prefix: 'weight' | 'grad'): Tensors {
  const at = (name: string): string => `${prefix}/${name}`;
  // PyTorch flattens channel first, here it is last: [hidden, c h w] -> [h w c, hidden].
  const flat = tf.reshape(f.tensor(at('encoder.3.weight')), [6, 2, 3, 3]);
  return {
    'policy.state.conv.weight': f.filter(at('encoder.0.weight')),
    'policy.state.fc.weight': tf.reshape(tf.transpose(flat, [2, 3, 1, 0]), [18, 6]),
    'policy.state.fc.bias': f.tensor(at('encoder.3.bias')),
    'policy.gru.weight_ih': f.matrix(at('gru.weight_ih')),
    'policy.gru.weight_hh': f.matrix(at('gru.weight_hh')),
    'policy.gru.bias_ih': f.tensor(at('gru.bias_ih')),
    'policy.gru.bias_hh': f.tensor(at('gru.bias_hh')),
    'policy.actor.weight': f.matrix(at('actor.weight')),
    'policy.actor.bias': f.tensor(at('actor.bias')),
    'policy.critic.weight': f.matrix(at('critic.weight')),
    'policy.critic.bias': f.tensor(at('critic.bias')),
  };
}

/** The fixture's experience and its normalised returns, [steps n]. */
function experience(): { experience: Experience; returns: tf.Tensor1D } {
  const rewards = rows<tf.Tensor1D>('rewards');
  return {
    experience: {
      maps: rows<tf.Tensor4D>('states').map(map => tf.transpose(map, [0, 2, 3, 1])),
      actions: rows('actions'),
      logProbabilities: rows('old_log_probs'),
      rewards,
      means: [],
      correct: tf.zeros([4]),
    },
    returns: normalise(tf.concat(discountedReturns(rewards, options.gamma))),
  };
}

const learner = network({ hidden: 6, std: given('std') });

function lossAt(parameters: Tensors): ReturnType<typeof surrogate> {
  const { experience: seen, returns } = experience();
  return apply({ parameters, statistics: {} }, false, scope =>
    surrogate(learner, scope, seen, returns, options),
  ).result;
}

describe('the surrogate', () => {
  it('is PyTorch’s, term by term, and so are the returns it learns from', () => {
    const { returns, experience: seen } = experience();
    expectClose(tf.stack(discountedReturns(seen.rewards, options.gamma)), f.tensor('expected/returns'), 1e-6);
    expectClose(returns, tf.reshape(f.tensor('expected/normalised_returns'), [-1]));
    const { loss, terms } = lossAt(policyTensors('weight'));
    expectClose(loss, f.tensor('expected/loss'));
    expectClose(terms.valueLoss, f.tensor('expected/value_loss'));
    const ratios = tf.exp(tf.sub(f.tensor('expected/log_probs'), f.tensor('old_log_probs'))).dataSync();
    const clipped = ratios.filter(ratio => Math.abs(ratio - 1) > options.clip).length;
    expect(terms.clipFraction.dataSync()[0]).toBeCloseTo(clipped / ratios.length, 6);
    expect(clipped).toBeGreaterThan(0);
    expect(clipped).toBeLessThan(ratios.length);
  });

  it('explains the share of the returns’ variance that the residuals leave', () => {
    const target = [...f.tensor('expected/normalised_returns').dataSync()];
    const values = [...f.tensor('expected/values').dataSync()];
    const { terms } = lossAt(policyTensors('weight'));
    const explained = 1 - variance(target.map((r, i) => r - (values[i] ?? NaN))) / variance(target);
    expect(terms.explainedVariance.dataSync()[0]).toBeCloseTo(explained, 4);
  });

  it('has PyTorch’s gradient for every parameter of the policy', () => {
    const { gradients } = differentiate(policyTensors('weight'), policy => {
      const { loss, terms } = lossAt(policy);
      return { loss, auxiliary: terms };
    });
    const expected = policyTensors('grad');
    expect(Object.keys(gradients)).toEqual(Object.keys(expected));
    for (const [name, gradient] of Object.entries(gradients))
      expectClose(gradient, expected[name] as tf.Tensor, 1e-4);
  });

  it('has the gradient that finite differences show along random directions, where advantages are held', () => {
    const parameters = policyTensors('weight');
    // The advantage is a constant of the surrogate though the critic that it is taken from learns: only the actor is moved.
    const actor = Object.keys(parameters).filter(name => name.startsWith('policy.actor'));
    const { gradients } = differentiate(parameters, policy => {
      const { loss, terms } = lossAt(policy);
      return { loss, auxiliary: terms };
    });
    for (let trial = 0; trial < 4; trial++) {
      const directions = Object.fromEntries(
        actor.map(name => {
          const { shape, size } = parameters[name] as tf.Tensor;
          return [name, tf.tensor(normal(stream(trial, name), size), shape)];
        }),
      );
      const lossBeyond = (distance: number): number => {
        const moved = Object.entries(directions).map(([name, direction]): [string, tf.Tensor] => [
          name,
          tf.add(parameters[name] as tf.Tensor, tf.mul(direction, distance)),
        ]);
        return lossAt({ ...parameters, ...Object.fromEntries(moved) }).loss.dataSync()[0] ?? NaN;
      };
      const step = 2e-3;
      const difference = (lossBeyond(step) - lossBeyond(-step)) / (2 * step);
      const slope = Object.entries(directions).reduce(
        (sum, [name, direction]) =>
          sum + (tf.sum(tf.mul(gradients[name] as tf.Tensor, direction)).dataSync()[0] ?? NaN),
        0,
      );
      expect(Math.abs(slope - difference)).toBeLessThan(2e-3 * Math.max(1, Math.abs(difference)));
    }
  });

  it('stays finite where every reward is the same', () => {
    const { experience: seen } = experience();
    const { loss, terms } = apply({ parameters: policyTensors('weight'), statistics: {} }, false, scope =>
      surrogate(learner, scope, seen, normalise(tf.zeros([15])), options),
    ).result;
    for (const value of [loss, terms.valueLoss, terms.clipFraction, terms.explainedVariance])
      expect(value.dataSync()[0]).toSatisfy(Number.isFinite);
  });
});

function variance(values: readonly number[]): number {
  const mean = values.reduce((a, b) => a + b) / values.length;
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
}

describe('acting on a batch', () => {
  const n = 5;
  const gfnet = network({ hidden: 6 });
  const { side, patch, steps, policy } = gfnet.config;
  const labels = [0, 1, 2, 1, 0];

  function variables(): Variables {
    return gfnet.initialise(stream(5, 'initialise')).variables;
  }

  function act(): Experience & { images: Float32Array } {
    const images = uniform(stream(5, 'images'), n * side * side);
    const batch = {
      images: tf.tensor4d(images, [n, side, side, 1]),
      labels: tf.tensor1d(labels, 'int32'),
      draws: Array.from({ length: steps - 1 }, (_, t) =>
        tf.tensor2d(normal(stream(5, 'draws', t), 2 * n), [n, 2]),
      ),
    };
    return { ...apply(variables(), false, scope => rollOut(gfnet, scope, batch)).result, images };
  }

  /** Logits of image `i` after each step: the same crops, sliced from that image alone. */
  function naiveLogits({ images, actions }: ReturnType<typeof act>, i: number): number[][] {
    const image = tf.tensor4d(images.subarray(i * side * side, (i + 1) * side * side), [1, side, side, 1]);
    return apply(variables(), false, scope => {
      let look = gfnet.glance(scope, image, gfnet.initialMemory(1));
      return [
        look.logits,
        ...actions.map((action, t) => {
          const [row = NaN, column = NaN] = action.dataSync().subarray(2 * i, 2 * i + 2);
          const box = boxOf(row, column, side, patch);
          const pixels = tf.slice(image, [0, box.row, box.column, 0], [1, patch, patch, 1]);
          look = gfnet.focus(scope, t + 1, pixels, tf.zeros([1, 2]), look.memory);
          return look.logits;
        }),
      ].map(logits => [...logits.dataSync()]);
    }).result;
  }

  it('rewards each crop with the rise of the true class’s probability, and counts right answers', () => {
    const seen = act();
    const logits = labels.map((_, i) => naiveLogits(seen, i));
    const probability = (t: number, i: number): number => {
      const powers = logits[i]?.[t]?.map(Math.exp) ?? [];
      return (powers[labels[i] ?? NaN] ?? NaN) / powers.reduce((a, b) => a + b);
    };
    const rises = Array.from({ length: steps - 1 }, (_, t) =>
      labels.map((_, i) => probability(t + 1, i) - probability(t, i)),
    );
    expectClose(tf.stack([...seen.rewards]), tf.tensor(rises), 1e-3);
    expect(Math.max(...rises.flat().map(Math.abs))).toBeGreaterThan(0.01);
    const right = Array.from(
      { length: steps },
      (_, t) =>
        labels.filter((label, i) => {
          const row = logits[i]?.[t] ?? [];
          return row.indexOf(Math.max(...row)) === label;
        }).length,
    );
    expect([...seen.correct.dataSync()]).toEqual(right);
  });

  it('draws from the Gaussian around the policy’s mean, clipped, and gives the log density of what it did', () => {
    const { maps, actions, logProbabilities } = act();
    apply(variables(), false, scope => {
      let hidden = gfnet.initialPolicy(n);
      maps.forEach((map, t) => {
        const decision = gfnet.decide(scope, map, hidden);
        hidden = decision.hidden;
        const noise = normal(stream(5, 'draws', t), 2 * n);
        const mean = decision.mean.dataSync();
        const expected = Array.from(mean, (m, i) =>
          Math.min(1, Math.max(0, m + policy.std * (noise[i] ?? NaN))),
        );
        expectClose(actions[t] as tf.Tensor, tf.tensor2d(expected, [n, 2]), 1e-6);
        const density = labels.map((_, i) =>
          [2 * i, 2 * i + 1].reduce((sum, k) => {
            const z = ((expected[k] ?? NaN) - (mean[k] ?? NaN)) / policy.std;
            return sum - 0.5 * z * z - Math.log(policy.std * Math.sqrt(2 * Math.PI));
          }, 0),
        );
        expectClose(logProbabilities[t] as tf.Tensor, tf.tensor1d(density), 1e-4);
      });
    });
  });

  const batch = () => ({
    images: tf.tensor4d(uniform(stream(5, 'images'), n * side * side), [n, side, side, 1]),
    labels: tf.tensor1d(labels, 'int32'),
    draws: Array.from({ length: steps - 1 }, (_, t) =>
      tf.tensor2d(normal(stream(5, 'draws', t), 2 * n), [n, 2]),
    ),
  });

  it('tells the mean return before it is normalised, and how far places differ from image to image', () => {
    const { parameters, statistics } = variables();
    const policy = Object.entries(parameters).filter(([name]) => name.startsWith('policy.'));
    const state = Object.fromEntries(policy);
    const step = policyStep(gfnet, options);
    const adam = { mean: zerosLikeAll(state), square: zerosLikeAll(state), count: tf.keep(tf.scalar(0)) };
    const fixed = { state: { parameters: state, adam }, parameters, statistics, rate: tf.scalar(1e-3) };
    const told = step(fixed, batch());
    const { rewards, means } = act();
    const rows = rewards.map(reward => [...reward.dataSync()]);
    const returns = rows.flatMap((_, t) =>
      labels.map((_, i) =>
        rows.slice(t).reduce((sum, later, k) => sum + options.gamma ** k * (later[i] ?? NaN), 0),
      ),
    );
    expect(told.meanReturn.dataSync()[0]).toBeCloseTo(returns.reduce((a, b) => a + b) / returns.length, 5);
    const deviations = means.flatMap(mean => {
      const values = [...mean.dataSync()];
      return [0, 1].map(axis => Math.sqrt(variance(values.filter((_, i) => i % 2 === axis))));
    });
    const spread = deviations.reduce((a, b) => a + b) / deviations.length;
    expect(spread).toBeGreaterThan(0);
    expect((told.cropSpread.dataSync()[0] ?? NaN) / spread).toBeCloseTo(1, 3);
    step.dispose();
  });

  it('bounds the norm of the policy’s gradients, and updates at the rate that it is given', () => {
    const { parameters, statistics } = variables();
    const policy = Object.fromEntries(
      Object.entries(parameters).filter(([name]) => name.startsWith('policy.')),
    );
    /** Adam's mean after its first update is a tenth of the gradient. */
    const after = (maxNorm: number | undefined, rate: number) => {
      const step = policyStep(gfnet, { ...options, maxNorm });
      const adam = { mean: zerosLikeAll(policy), square: zerosLikeAll(policy), count: tf.keep(tf.scalar(0)) };
      const fixed = { state: { parameters: policy, adam }, parameters, statistics, rate: tf.scalar(rate) };
      const { state, norm } = step(fixed, batch());
      step.dispose();
      const squares = Object.values(state.adam.mean).map(
        mean => tf.sum(tf.square(mean)).dataSync()[0] ?? NaN,
      );
      const moved = Object.entries(state.parameters).map(
        ([name, value]) => tf.max(tf.abs(tf.sub(value, policy[name] as tf.Tensor))).dataSync()[0] ?? NaN,
      );
      return {
        gradient: 10 * Math.sqrt(squares.reduce((a, b) => a + b)),
        norm: norm.gradientNorm?.dataSync()[0],
        moved: Math.max(...moved),
      };
    };
    const free = after(undefined, 1e-3);
    expect(free.norm).toBeUndefined();
    expect(free.gradient).toBeGreaterThan(0);
    const bounded = after(free.gradient / 4, 1e-3);
    expect((bounded.norm ?? NaN) / free.gradient).toBeCloseTo(1, 4);
    expect(bounded.gradient / free.gradient).toBeCloseTo(1 / 4, 4);
    // Adam's first step is as long as the rate, whatever the gradient.
    expect(free.moved / 1e-3).toBeCloseTo(1, 2);
    expect(after(undefined, 2.5e-4).moved / 2.5e-4).toBeCloseTo(1, 2);
  });
});
