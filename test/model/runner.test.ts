import * as tf from '@tensorflow/tfjs-core';
import type { Tensor2D } from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { startEngine } from '../../src/engine/start.js';
import type { AnytimeModel, Step } from '../../src/model/anytime.js';
import { anytimeGFNet } from '../../src/model/locators.js';
import type { StepAnswer } from '../../src/model/answer.js';
import { Runner } from '../../src/model/runner.js';
import { sigmoid } from '../helpers/naive.js';
import { classifiers, noise, smallConfig, smallNetwork } from '../helpers/network.js';
import { expectClose } from '../helpers/pytorch.js';

startEngine();

function confidences({ rows, probabilities }: StepAnswer): number[] {
  const classes = probabilities.length / rows.length;
  return [...rows.keys()].map(i => Math.max(...probabilities.subarray(i * classes, (i + 1) * classes)));
}

/**
 * A model whose answers are known: image i holds one number a step; step t adds its number to what it carries, and that sum is the
 * first of two logits.
 */
function adder(steps: number): AnytimeModel {
  const step =
    (t: number): Step =>
    (_, { images, state }) => {
      const { carried } = state as { carried: Tensor2D };
      const numbers = tf.reshape<tf.Rank.R2>(images, [-1, 4]);
      const total = tf.add<Tensor2D>(carried, tf.slice(numbers, [0, t], [-1, 1])); // [n, 1]
      return { logits: tf.concat([total, tf.zerosLike(total)], 1), state: { carried: total } };
    };
  return {
    classes: ['yes', 'no'],
    side: 2,
    channels: 1,
    variables: () => ({ parameters: {}, statistics: {} }),
    steps: Array.from({ length: steps }, (_, t) => step(t)),
    multiAdds: Array.from({ length: steps }, () => 1),
    initial: n => ({ carried: tf.zeros([n, 1]) }),
  };
}

/** Images [n][4], one number a step, in sixteenths: sums are exact. */
const numbers = fc.array(
  fc.array(
    fc.integer({ min: -16, max: 16 }).map(k => k / 16),
    { minLength: 4, maxLength: 4 },
  ),
  { minLength: 1, maxLength: 9 },
);
/** Between two confidences, so that rounding decides nothing. */
const thresholds = fc.array(
  fc.integer({ min: -1, max: 48 }).map(k => sigmoid((k + 0.5) / 16)),
  { minLength: 3, maxLength: 3 },
);

/** Which rows take each step, and their sums, by the rule. */
function simulate(
  images: readonly number[][],
  thresholds: readonly number[],
): { rows: number[]; sums: number[] }[] {
  const answers: { rows: number[]; sums: number[] }[] = [];
  let rows = [...images.keys()];
  for (let t = 0; t < 4 && rows.length > 0; t++) {
    const sums = rows.map(row => (images[row] ?? []).slice(0, t + 1).reduce((a, b) => a + b, 0));
    answers.push({ rows, sums });
    rows = rows.filter((_, i) => sigmoid(Math.abs(sums[i] ?? NaN)) < (thresholds[t] ?? Infinity));
  }
  return answers;
}

describe('early exit', () => {
  it('takes each step with the images not yet confident, in order, and with what they carry', () => {
    const runner = new Runner(adder(4));
    fc.assert(
      fc.property(numbers, thresholds, (images, thresholds) => {
        const answers = [...runner.run(Float32Array.from(images.flat()), thresholds)];
        const expected = simulate(images, thresholds);
        expect(answers.map(({ rows }) => [...rows])).toEqual(expected.map(({ rows }) => rows));
        expect(answers.map(({ logits }) => [...logits])).toEqual(
          expected.map(({ sums }) => sums.flatMap(sum => [sum, 0])),
        );
      }),
      { numRuns: 60 },
    );
    runner.dispose();
  });

  it('lets an image go at exactly its threshold', () => {
    const images = Float32Array.of(1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5);
    const runner = new Runner(adder(2));
    const [first] = [...runner.run(images, [])];
    const [sure = NaN, unsure = NaN] = first ? confidences(first) : [];
    const rows = (threshold: number): number[][] =>
      [...runner.run(images, [threshold])].map(answer => [...answer.rows]);
    expect(rows(unsure)).toEqual([[0, 1]]);
    expect(rows(sure)).toEqual([[0, 1], [1]]);
    expect(rows(sure + 1e-6)).toEqual([
      [0, 1],
      [0, 1],
    ]);
    runner.dispose();
  });
});

describe.each(classifiers)('a GFNet run by steps, %s classifier', kind => {
  const config = smallConfig(kind);
  const n = 8;
  const { values: pixels } = noise(config, n);
  const size = pixels.length / n;

  function withRunner<T>(use: (runner: Runner) => T): T {
    const { gfnet, variables, costs } = smallNetwork(config);
    const runner = new Runner(anytimeGFNet(gfnet, costs, () => variables, 'learned'));
    try {
      return use(runner);
    } finally {
      runner.dispose();
    }
  }

  /** In the middle of the confidences at step t, between two of them. */
  function median(answer: StepAnswer | undefined): number {
    const sorted = answer ? confidences(answer).sort((a, b) => a - b) : [];
    return ((sorted[n / 2 - 1] ?? NaN) + (sorted[n / 2] ?? NaN)) / 2;
  }

  it('gives those that stay the logits of the run of all steps', () => {
    withRunner(runner => {
      const full = [...runner.run(pixels, [])];
      expect(full.map(({ rows }) => rows.length)).toEqual([n, n, n]);
      const limits = full.slice(0, -1).map(median);
      const early = [...runner.run(pixels, limits)];
      let rows = Array.from({ length: n }, (_, i) => i);
      for (const [t, answer] of early.entries()) {
        expect([...answer.rows]).toEqual(rows);
        const complete = full[t] as StepAnswer;
        const logits = tf.tensor2d(complete.logits, [n, 4]);
        const expected = tf.gather(logits, tf.tensor1d(rows, 'int32'));
        expectClose(tf.tensor2d(answer.logits, [rows.length, 4]), expected, 1e-6);
        const sure = confidences(complete);
        rows = rows.filter(row => (sure[row] ?? NaN) < (limits[t] ?? Infinity));
      }
      expect(early[1]?.rows.length).toBe(n / 2);
    });
  });

  it('serves one image, first or later, as it serves it among others', () => {
    withRunner(runner => {
      const alone = Array.from({ length: n }, (_, i) => [
        ...runner.run(pixels.subarray(i * size, (i + 1) * size), []),
      ]);
      for (const [t, answer] of [...runner.run(pixels, [])].entries()) {
        const rows = alone.map(answers => [...(answers[t]?.logits ?? [])]);
        expectClose(tf.tensor2d(answer.logits, [n, 4]), tf.tensor2d(rows), 1e-6);
      }
    });
  });

  it('stops when all have left, and goes on when none does', () => {
    withRunner(runner => {
      expect([...runner.run(pixels, [0, 0])]).toHaveLength(1);
      const none = [...runner.run(pixels, [1.01, 1.01])];
      expect(none.map(({ rows }) => [...rows])).toEqual(
        Array.from({ length: 3 }, () => Array.from({ length: n }, (_, i) => i)),
      );
      expect(none).toEqual([...runner.run(pixels, [])]);
    });
  });

  it('leaves no tensor, however far it is read', () => {
    withRunner(runner => {
      const [first] = [...runner.run(pixels, [])];
      const before = tf.memory().numTensors;
      for (const limits of [[], [0, 0], [median(first), Infinity]]) {
        expect([...runner.run(pixels, limits)].length).toBeGreaterThan(0);
        expect(tf.memory().numTensors).toBe(before);
      }
      for (const answer of runner.run(pixels, [median(first)])) {
        expect(answer.rows).toHaveLength(n);
        break;
      }
      expect(tf.memory().numTensors).toBe(before);
    });
  });
});
