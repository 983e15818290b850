/** Gradient descent as compiled steps: from a batch to gradients, from gradients to the next state, or both at once. */
import * as tf from '@tensorflow/tfjs-core';
import type { Scalar, Tensor, Tensor1D } from '@tensorflow/tfjs-core';
import { allReduceTree, workers } from '../src/engine/collectives.js';
import { compile } from '../src/engine/compile.js';
import type { StepOptions } from '../src/engine/compile.js';
import type { Tensors } from '../src/engine/gradients.js';
import { differentiate } from '../src/engine/gradients.js';
import type { TensorTree } from '../src/engine/tensor-tree.js';
import type { Variables } from '../src/nn/scope.js';
import { average, clipped, mapValues, nesterov } from './optimizers.js';

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

/** What a batch, or its parts together, gave. */
export interface Given {
  readonly gradients: Tensors;
  readonly statistics: Tensors;
  readonly loss: Scalar;
  readonly correct: Tensor1D;
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
  /** By what the learning rate of a parameter is multiplied. */
  readonly factorOf: (name: string) => number;
}

/**
 * What the batches of all workers gave together. Where batch norm learns from each worker's own, the running statistics become the
 * mean of theirs.
 */
function jointly(before: Tensors, own: Given): Given {
  const { count } = workers();
  if (count === 1) return own;
  const change = (name: string, after: Tensor): Tensor => tf.sub(after, before[name] as Tensor);
  const sums = allReduceTree({ ...own, statistics: mapValues(own.statistics, change) });
  const move = (name: string, changes: Tensor): Tensor =>
    tf.add(before[name] as Tensor, tf.div(changes, count));
  return { ...sums, statistics: mapValues(sums.statistics, move) };
}

export function descentSteps<B extends TensorTree>(
  objective: Objective<B>,
  options: DescentOptions,
  compiling: StepOptions = {},
) {
  const descend = ({ state, frozen }: Fixed, batch: B) => {
    const { loss, gradients, auxiliary } = differentiate(state.parameters, parameters => {
      const all = { parameters: { ...frozen, ...parameters }, statistics: state.statistics };
      const { loss, ...auxiliary } = objective(all, batch);
      return { loss, auxiliary };
    });
    return { loss, gradients, ...auxiliary };
  };
  const update = (before: DescentState, own: Given, rates: Rates) => {
    const { gradients, statistics, loss, correct } = jointly(before.statistics, own);
    const state = { ...before, statistics };
    const { gradients: bounded, norm } = clipped(gradients, options.maxNorm);
    const { parameters, velocity } = nesterov(state.parameters, bounded, state.velocity, {
      ...options,
      rate: name => {
        const rate = name.startsWith('classifier.') ? rates.classifier : rates.encoders;
        const factor = options.factorOf(name);
        return factor === 1 ? rate : tf.mul<Scalar>(rate, factor);
      },
    });
    const kept = {
      parameters: average(state.average.parameters, parameters, rates.average),
      statistics: average(state.average.statistics, statistics, rates.average),
    };
    return { state: { parameters, statistics, velocity, average: kept }, norm, loss, correct };
  };
  const whole = compile((fixed: Fixed & { readonly rates: Rates }, batch: B) => {
    return update(fixed.state, descend(fixed, batch), fixed.rates);
  }, compiling);
  /** Of a part of a batch. */
  const part = compile(descend, compiling);
  /** After the last part, with what all of them gave. */
  const finish = compile(({ state, rates, given }: { state: DescentState; rates: Rates; given: Given }) =>
    update(state, given, rates),
  );
  const dispose = (): void => {
    for (const step of [whole, part, finish]) step.dispose();
  };
  return { whole, part, finish, dispose };
}
