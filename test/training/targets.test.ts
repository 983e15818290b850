import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { differentiate } from '../../src/engine/gradients.js';
import { crossEntropy } from '../../src/engine/ops.js';
import { startEngine } from '../../src/engine/start.js';
import { answersOf, classWeightsOf, evenly } from '../../training/targets.js';
import { expectClose } from '../helpers/pytorch.js';
import { finetuning } from './support.js';

beforeAll(() => startEngine());

describe('targets', () => {
  it.each(finetuning.losses)('weight $weight, smoothing $smoothing: as PyTorch’s cross_entropy', f => {
    const classWeights = f.weight === null ? evenly(['a', 'b', 'c']) : Float64Array.from(f.weight);
    const given = { labels: Int32Array.from(f.labels) };
    const { targets, weights } = answersOf(given, { classWeights, labelSmoothing: f.smoothing });
    const { loss, gradients } = differentiate({ logits: tf.tensor2d(f.logits) }, ({ logits }) => ({
      loss: crossEntropy(logits as tf.Tensor2D, targets, weights),
      auxiliary: [],
    }));
    expectClose(loss, tf.scalar(f.expected));
    expectClose(gradients.logits as tf.Tensor, tf.tensor2d(f.gradient));
  });
});

describe('class weights', () => {
  const labels = [0, 0, 0, 2, 2, 1];
  const set = { classes: ['a', 'b', 'c'], size: 6, label: (i: number) => labels[i] ?? 0 };

  it('are 1 but for the classes named, or balance what is there', () => {
    expect([...classWeightsOf(undefined, set)]).toEqual([1, 1, 1]);
    expect([...classWeightsOf({ b: 3 }, set)]).toEqual([1, 3, 1]);
    const balanced = classWeightsOf('balanced', set);
    expect([...balanced]).toEqual([2 / 3, 2, 1]);
    expect(labels.reduce((sum, label) => sum + (balanced[label] ?? 0), 0)).toBeCloseTo(6, 12);
  });

  it('are refused for classes that are not there', () => {
    expect(() => classWeightsOf({ d: 2 }, set)).toThrow(/unknown class in classWeights[^]*a, b, c/);
    expect(() => classWeightsOf('balanced', { ...set, classes: ['a', 'b', 'c', 'd'] })).toThrow(
      /without images[^]*d/,
    );
  });
});
