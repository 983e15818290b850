import type { Tensor2D } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Classifier } from '../../src/classifier/index.js';
import { ClassifierConfig, createClassifier } from '../../src/classifier/index.js';
import { startEngine } from '../../src/engine/start.js';
import type { Scope, Variables } from '../../src/nn/scope.js';
import { apply, build as makeVariables } from '../../src/nn/scope.js';
import { stream } from '../../src/random/index.js';
import type { NdArray } from '../helpers/array.js';
import { build, fromTensor, normals } from '../helpers/array.js';
import * as naive from '../helpers/naive.js';
import { expectClose } from '../helpers/pytorch.js';

beforeAll(() => startEngine());

const [n, width, classes, steps] = [3, 5, 4, 3];
const features = Array.from({ length: steps }, (_, t) => normals(`feature ${t}`, [n, width]));
const glanceLogits = normals('glance', [n, classes]);

/** The logits of all steps; the glance's own answer is given at step 0. */
function answers(classifier: Classifier, scope: Scope): Tensor2D[] {
  let memory = classifier.initial(n);
  return features.map((feature, t) => {
    const answer = classifier.classify(
      scope,
      t,
      feature.tensor(),
      memory,
      t === 0 ? glanceLogits.tensor() : undefined,
    );
    ({ memory } = answer);
    return answer.logits;
  });
}

function run(config: unknown): { variables: Variables; logits: Tensor2D[] } {
  const classifier = createClassifier(ClassifierConfig.parse(config), classes);
  const variables = makeVariables(stream(1), scope => answers(classifier, scope));
  return { variables, logits: apply(variables, false, scope => answers(classifier, scope)).result };
}

function parameter({ parameters }: Variables, name: string): NdArray {
  const tensor = parameters[name];
  if (!tensor) throw new RangeError(name);
  return fromTensor(tensor);
}

function concat(arrays: readonly NdArray[]): NdArray {
  return build([n, arrays.length * width], (i, j) => {
    const part = arrays[Math.floor(j / width)];
    return part?.at(i, j % width) ?? NaN;
  });
}

describe('classifier', () => {
  it('gru: carries its hidden state from zeros, then a linear layer', () => {
    const { variables, logits } = run({ kind: 'gru', hidden: 6 });
    const weights = {
      weight_ih: parameter(variables, 'gru.weight_ih'),
      bias_ih: parameter(variables, 'gru.bias_ih'),
      weight_hh: parameter(variables, 'gru.weight_hh'),
      bias_hh: parameter(variables, 'gru.bias_hh'),
    };
    let hidden = build([n, 6], () => 0);
    features.forEach((feature, t) => {
      hidden = naive.gru(feature, hidden, weights);
      const expected = naive.linear(
        hidden,
        parameter(variables, 'fc.weight'),
        parameter(variables, 'fc.bias'),
      );
      expectClose(logits[t] as Tensor2D, expected.tensor());
    });
  });

  it('cascade: the glance’s own answer, then a linear layer a step over all features so far', () => {
    const { variables, logits } = run({ kind: 'cascade' });
    expectClose(logits[0] as Tensor2D, glanceLogits.tensor(), 1e-9);
    for (const t of [1, 2]) {
      const expected = naive.linear(
        concat(features.slice(0, t + 1)),
        parameter(variables, `fc.${t}.weight`),
        parameter(variables, `fc.${t}.bias`),
      );
      expectClose(logits[t] as Tensor2D, expected.tensor());
    }
    expect(Object.keys(variables.parameters).sort()).toEqual(
      [1, 2].flatMap(t => [`fc.${t}.bias`, `fc.${t}.weight`]),
    );
  });

  it('leaves no tensor but its answers', () => {
    for (const kind of ['gru', 'cascade'] as const) {
      const classifier = createClassifier(ClassifierConfig.parse({ kind }), classes);
      const variables = makeVariables(stream(1), scope => answers(classifier, scope));
      const before = tf.memory().numTensors;
      tf.tidy(() => void apply(variables, false, scope => answers(classifier, scope)));
      expect(tf.memory().numTensors).toBe(before);
    }
  });
});
