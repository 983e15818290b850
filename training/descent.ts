/** Gradient descent as compiled steps: from a batch to gradients, from gradients to the next state, or both at once. */
import * as tf from '@tensorflow/tfjs-core';
import type { Scalar, Tensor1D } from '@tensorflow/tfjs-core';
import { compile } from '../src/engine/compile.js';
import type { Tensors } from '../src/engine/gradients.js';
import type { Precision } from '../src/engine/precision.js';
import { differentiate } from '../src/engine/gradients.js';
import type { TensorTree } from '../src/engine/tensor-tree.js';
import type { Variables } from '../src/nn/scope.js';
import { average, clipped, nesterov } from './optimizers.js';

/** What a network is to do on a batch: its loss is a sum over the images, so that those of a batch's parts add up to the whole's. */
export type Objective<B extends TensorTree> = (
  variables: Variables,
  batch: B,
) => {
  readonly loss: Scalar;
  /** [T]: images answered rightly after each step. */
  readonly correct: Tensor1D;
  readonly statistics: Tensors;
};

/** What descent changes. */
export interface DescentState extends Variables {
  /** Those that learn. */
  readonly parameters: Tensors;
  readonly velocity: Tensors;
  /** The exponential moving average of parameters and statistics; empty where none is kept. */
  readonly average: Variables;
}

interface Fixed {
  readonly state: DescentState;
  /** Parameters that stay as they are. */
  readonly frozen: Tensors;
}

/** Of one update. */
export interface Rates {
  readonly encoders: Scalar;
  /** Of what is named `classifier.`. */
  readonly classifier: Scalar;
  /** How far the average goes to the new weights: 1 - its decay. */
  readonly average: Scalar;
}

export interface DescentOptions {
  readonly momentum: number;
  readonly weightDecay: number;
  /** Bound of the norm of all gradients together. */
  readonly maxNorm?: number | undefined;
  readonly precision: Precision;
  /** By what the learning rate of a parameter is multiplied. */
  readonly factorOf: (name: string) => number;
}

export function descentSteps<B extends TensorTree>(objective: Objective<B>, options: DescentOptions) {
  const descend = ({ state, frozen }: Fixed, batch: B) => {
    const { loss, gradients, auxiliary } = differentiate(state.parameters, parameters => {
      const all = { parameters: { ...frozen, ...parameters }, statistics: state.statistics };
      const { loss, ...auxiliary } = objective(all, batch);
      return { loss, auxiliary };
    });
    return { loss, gradients, ...auxiliary };
  };
  const update = (state: DescentState, gradients: Tensors, rates: Rates) => {
    const { gradients: bounded, norm } = clipped(gradients, options.maxNorm);
    const { parameters, velocity } = nesterov(state.parameters, bounded, state.velocity, {
      ...options,
      rate: name => {
        const rate = name.startsWith('classifier.') ? rates.classifier : rates.encoders;
        const factor = options.factorOf(name);
        return factor === 1 ? rate : tf.mul<Scalar>(rate, factor);
      },
    });
    const { statistics } = state;
    const kept = {
      parameters: average(state.average.parameters, parameters, rates.average),
      statistics: average(state.average.statistics, statistics, rates.average),
    };
    return { state: { parameters, statistics, velocity, average: kept }, norm };
  };
  const whole = compile(
    (fixed: Fixed & { readonly rates: Rates }, batch: B) => {
      const { gradients, statistics, loss, correct } = descend(fixed, batch);
      return { ...update({ ...fixed.state, statistics }, gradients, fixed.rates), loss, correct };
    },
    { precision: options.precision },
  );
  /** Of a part of a batch. */
  const part = compile(descend, { precision: options.precision });
  /** After the last part, with the gradients of all. */
  const finish = compile(
    ({ state, rates, gradients }: { state: DescentState; rates: Rates; gradients: Tensors }) =>
      update(state, gradients, rates),
  );
  const dispose = (): void => {
    for (const step of [whole, part, finish]) step.dispose();
  };
  return { whole, part, finish, dispose };
}
