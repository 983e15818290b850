import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { startEngine } from '../../src/engine/start.js';
import { stream, uniform } from '../../src/random/index.js';
import { TrainConfig } from '../../training/config.js';
import type { Objective } from '../../training/descent.js';
import { Learner } from '../../training/learner.js';
import { freezing, matches } from '../../training/patterns.js';
import { expectClose } from '../helpers/pytorch.js';
import { tiny } from './support.js';

beforeAll(() => startEngine());

interface Rows {
  readonly x: tf.Tensor2D;
  readonly y: tf.Tensor1D;
}

/** Half the sum of squares of a x + b - y, with the running mean of x as statistics. */
const squares: Objective<Rows> = ({ parameters, statistics }, { x, y }) => {
  const { w, 'classifier.b': b } = parameters as Record<string, tf.Tensor>;
  const error = tf.sub(tf.add(tf.reshape(tf.matMul(x, w as tf.Tensor2D), [-1]), b as tf.Tensor), y);
  return {
    loss: tf.mul<tf.Scalar>(tf.sum(tf.square(error)), 0.5),
    correct: tf.fill([1], x.shape[0]),
    statistics: { m: tf.add(tf.mul(statistics.m as tf.Tensor, 0.9), tf.mul(tf.mean(x), 0.1)) },
  };
};

const rows = (step: number, n: number): { x: number[]; y: number[] } => ({
  x: [...uniform(stream(1, 'x', step), 2 * n)],
  y: [...uniform(stream(1, 'y', step), n)],
});
const batch = (step: number, n = 6): Rows => {
  const { x, y } = rows(step, n);
  return { x: tf.tensor2d(x, [n, 2]), y: tf.tensor1d(y) };
};

const learner = (settings: object, isFrozen: (name: string) => boolean = () => false): Learner<Rows> => {
  const { stage1 } = TrainConfig.parse({
    ...tiny,
    stage1: { epochs: 4, encoderRate: 0.1, classifierRate: 0.2, ...settings },
  });
  const variables = {
    parameters: { w: tf.tensor2d([0.5, -1], [2, 1]), 'classifier.b': tf.scalar(0.25) },
    statistics: { m: tf.scalar(0) },
  };
  return new Learner(squares, variables, isFrozen, stage1);
};

const train = (of: Learner<Rows>, steps: number): void => {
  for (let step = 0; step < steps; step++)
    of.train(batch(step), 6, { epoch: Math.floor(step / 4), step: step % 4, steps: 4 });
};
const values = ({ variables }: Learner<Rows>): number[] =>
  [...Object.values(variables.parameters), ...Object.values(variables.statistics)].flatMap(tensor => [
    ...tensor.dataSync(),
  ]);
const close = (actual: readonly number[], expected: readonly number[]): void =>
  expectClose(tf.tensor1d([...actual]), tf.tensor1d([...expected]), 1e-5);

/** The same by hand: SGD with Nesterov momentum on w1, w2, b, and the average of all and of the mean. */
function naive(steps: number, { warmup = 0, factor = 1, maxNorm = Infinity, ema = 0 }): number[] {
  let [p, v, m] = [[0.5, -1, 0.25], [0, 0, 0], 0];
  let averages = [...p, m];
  for (let step = 0; step < steps; step++) {
    const { x, y } = rows(step, 6);
    const errors = y.map(
      (target, i) => (p[0] ?? 0) * (x[2 * i] ?? 0) + (p[1] ?? 0) * (x[2 * i + 1] ?? 0) + (p[2] ?? 0) - target,
    );
    const sum = (of: (i: number) => number): number => errors.reduce((s, error, i) => s + error * of(i), 0);
    const g = [sum(i => x[2 * i] ?? 0), sum(i => x[2 * i + 1] ?? 0), sum(() => 1)];
    const bound = Math.min(1, maxNorm / (Math.hypot(...g) + 1e-6));
    const decayed = g.map((value, i) => bound * value + 1e-4 * (p[i] ?? 0));
    v = v.map((value, i) => 0.9 * value + (decayed[i] ?? 0));
    const rate =
      0.5 * (1 + Math.cos((Math.PI * Math.floor(step / 4)) / 4)) * Math.min(1, (step + 1) / (4 * warmup));
    p = p.map(
      (value, i) => value - rate * (i < 2 ? 0.1 * factor : 0.2) * ((decayed[i] ?? 0) + 0.9 * (v[i] ?? 0)),
    );
    m = 0.9 * m + 0.1 * (x.reduce((a, b) => a + b) / 12);
    const decay = Math.min(ema, (1 + step) / (10 + step));
    averages = averages.map((mean, i) => decay * mean + (1 - decay) * ([...p, m][i] ?? 0));
  }
  return ema > 0 ? averages : [...p, m];
}

describe('a learner', () => {
  it.each([
    ['plainly', {}, {}],
    ['after a warm-up', { warmup: 1.5 }, { warmup: 1.5 }],
    ['with another rate for a part', { rates: { '*': 1, w: 0.5 } }, { factor: 0.5 }],
    ['with bounded gradients', { maxNorm: 0.5 }, { maxNorm: 0.5 }],
    ['and keeps the average of its weights', { ema: 0.6 }, { ema: 0.6 }],
  ])('learns %s as a computation by hand does', (_, settings, by) => {
    const own = learner(settings);
    train(own, 7);
    close(values(own), naive(7, by));
    own.dispose();
  });

  it.each([2, 3])('accumulates %i parts to the gradients of the whole', parts => {
    const [whole, divided] = [learner({ maxNorm: 0.5 }), learner({ maxNorm: 0.5, accumulate: parts })];
    const before = tf.memory().numTensors;
    const position = { epoch: 0, step: 0, steps: 4 };
    const [a, b] = [whole.train(batch(0), 6, position), divided.train(batch(0), 6, position)];
    expect(tf.memory().numTensors).toBe(before);
    expect(b.loss).toBeCloseTo(a.loss, 5);
    expect(b.correct).toEqual([6]);
    expect(b.means.gradientNorm).toBeCloseTo(a.means.gradientNorm ?? NaN, 5);
    close(values(divided).slice(0, 3), values(whole).slice(0, 3));
    whole.dispose();
    divided.dispose();
  });

  it('goes on from what it saved, bit for bit, the weights behind the average too', () => {
    const settings = { ema: 0.6, maxNorm: 1, warmup: 1, accumulate: 2 };
    const isFrozen = (name: string): boolean => name === 'classifier.b';
    const [one, other] = [learner(settings, isFrozen), learner(settings, isFrozen)];
    train(one, 3);
    other.restore(
      Object.fromEntries(
        Object.entries(one.tensors()).map(([name, tensor]) => [name, tf.keep(tf.clone(tensor))]),
      ),
    );
    for (const own of [one, other]) own.train(batch(3), 6, { epoch: 0, step: 3, steps: 4 });
    expect(values(other)).toEqual(values(one));
    expect(Object.keys(one.tensors())).toContain('raw.parameters/w');
    expect(one.variables.parameters['classifier.b']?.dataSync()).toEqual(Float32Array.of(0.25));
    one.dispose();
    other.dispose();
  });
});

describe('patterns', () => {
  it('match names, parts, and with * any characters', () => {
    const name = 'local.stem.conv.weight';
    for (const pattern of ['local', 'local.stem', '*.stem', '*.weight', name, 'l*l', '*'])
      expect(matches(pattern, name)).toBe(true);
    for (const pattern of ['loc', 'stem', 'local.s', '*.bias', 'local?stem'])
      expect(matches(pattern, name)).toBe(false);
  });

  it('must name something that the stage trains', () => {
    const parameters = { 'local.stem.weight': tf.scalar(0), 'policy.fc.weight': tf.scalar(0) };
    const check = (freeze: string[], rates = {}): unknown =>
      freezing('stage1', { freeze, rates }, parameters, ['policy']);
    expect(() => check(['lokal.stem'])).toThrow(/stage1.freeze names nothing[^]*did you mean "local.stem"/);
    expect(() => check(['policy'])).toThrow(/names nothing/);
    expect(() => check([], { 'local.head': 2 })).toThrow(/stage1.rates names nothing/);
    expect(() => check(['local'])).toThrow(/nothing to train/);
  });
});
