/** What learns by gradient descent: a network's variables, velocity and average, and one step after the other. */
import * as tf from '@tensorflow/tfjs-core';
import type { Scalar } from '@tensorflow/tfjs-core';
import type { StepOptions } from '../src/engine/compile.js';
import type { Tensors } from '../src/engine/gradients.js';
import type { TensorTree } from '../src/engine/tensor-tree.js';
import { disposeTree, mapTree, tidyTree } from '../src/engine/tensor-tree.js';
import type { MetricDefinition } from '../src/checkpoint/metrics.js';
import type { Variables } from '../src/nn/scope.js';
import type { DescentConfig } from './config.js';
import type { DescentState, Given, Objective, Rates } from './descent.js';
import { descentSteps } from './descent.js';
import type { BatchMetrics } from './epoch-sums.js';
import { normMeans, normValues } from './gradient-norm.js';
import { flatten, group, partition } from './groups.js';
import { zerosLikeAll } from './optimizers.js';
import { factors } from './patterns.js';
import type { Position } from './schedule.js';
import { cosine, decayAt, warmUp } from './schedule.js';
import type { Trainer } from './trainer.js';

type LearnerConfig = DescentConfig & { readonly classifierRate?: number };

/** The sums that the parts of a batch have in common. */
type Sums = Omit<Given, 'statistics'>;

export class Learner<B extends TensorTree> implements Pick<Trainer, 'tensors' | 'restore' | 'dispose'> {
  readonly means: Readonly<Record<string, MetricDefinition>>;
  private state: DescentState;
  private frozen: Tensors;
  private readonly steps;

  /**
   * @param variables become the learner's
   * @param isFrozen what stays as it is, see `freezing`
   * @param compiling how its steps compute
   */
  constructor(
    objective: Objective<B>,
    variables: Variables,
    private readonly isFrozen: (name: string) => boolean,
    private readonly config: LearnerConfig,
    compiling: StepOptions = {},
  ) {
    const { part, rest: parameters } = partition(variables.parameters, isFrozen);
    this.frozen = part;
    const learned = { parameters, statistics: variables.statistics };
    this.state = {
      ...learned,
      velocity: zerosLikeAll(parameters),
      average: config.ema > 0 ? mapTree(learned, tensor => tf.keep(tf.clone(tensor))) : none,
    };
    this.steps = descentSteps(objective, { ...config, factorOf: factors(config.rates) }, compiling);
    this.means = normMeans(config.maxNorm);
  }

  /** What predicts: the average where one is kept. */
  get variables(): Variables {
    const { parameters, statistics } = this.config.ema > 0 ? this.state.average : this.state;
    return { parameters: { ...parameters, ...this.frozen }, statistics };
  }

  /** Learns from `size` images at once, or part by part. @param batch tensors of `size` rows, which are freed */
  train(batch: B, size: number, position: Position): BatchMetrics {
    const rates = this.rates(position);
    const { frozen } = this;
    const { state, norm, loss, correct } =
      this.config.accumulate === 1
        ? this.steps.whole({ state: this.state, frozen, rates }, batch)
        : this.inParts(batch, size, rates);
    disposeTree([batch, rates, this.state]);
    this.state = state;
    const metrics = {
      loss: loss.dataSync()[0] ?? NaN,
      correct: [...correct.dataSync()],
      means: normValues(norm),
    };
    disposeTree([norm, loss, correct]);
    return metrics;
  }

  private inParts(whole: B, size: number, rates: Rates) {
    const { accumulate: parts } = this.config;
    let { statistics } = this.state;
    let sums: Sums | undefined;
    const bound = (part: number): number => Math.round((part * size) / parts);
    for (let part = 0; part < parts; part++) {
      const [from, to] = [bound(part), bound(part + 1)];
      const batch = mapTree(whole, tensor => tf.slice(tensor, from, to - from));
      const state = { ...this.state, statistics };
      const { statistics: next, ...own } = this.steps.part({ state, frozen: this.frozen }, batch);
      disposeTree(batch);
      if (part > 0) disposeTree(statistics);
      statistics = next;
      sums = sums ? addUp(sums, own) : own;
    }
    const given = { ...(sums as Sums), statistics };
    const result = this.steps.finish({ state: this.state, rates, given }, {});
    disposeTree(given);
    return result;
  }

  private rates(position: Position): Rates {
    const { epochs, encoderRate, classifierRate = encoderRate, warmup, ema } = this.config;
    const now = (initial: number): Scalar =>
      tf.scalar(cosine(initial, position.epoch, epochs) * warmUp(position, warmup));
    return {
      encoders: now(encoderRate),
      classifier: now(classifierRate),
      average: tf.scalar(1 - decayAt(position, ema)),
    };
  }

  /** `parameters` and `statistics` are what predicts; where that is an average, `raw` are those that learn. */
  tensors(): Tensors {
    const { parameters, statistics, velocity } = this.state;
    const raw = this.config.ema > 0 ? { 'raw.parameters': parameters, 'raw.statistics': statistics } : {};
    return flatten({ ...this.variables, ...raw, velocity });
  }

  restore(tensors: Tensors): void {
    disposeTree([this.state, this.frozen]);
    const { part, rest } = partition(group(tensors, 'parameters'), this.isFrozen);
    this.frozen = part;
    const shown = { parameters: rest, statistics: group(tensors, 'statistics') };
    const velocity = group(tensors, 'velocity');
    this.state =
      this.config.ema > 0
        ? {
            parameters: group(tensors, 'raw.parameters'),
            statistics: group(tensors, 'raw.statistics'),
            velocity,
            average: shown,
          }
        : { ...shown, velocity, average: none };
  }

  dispose(): void {
    disposeTree([this.state, this.frozen]);
    this.steps.dispose();
  }
}

const none: Variables = { parameters: {}, statistics: {} };

function addUp(sums: Sums, own: Sums): Sums {
  const total = tidyTree(() => ({
    gradients: Object.fromEntries(
      Object.entries(own.gradients).map(([name, gradient]) => [
        name,
        tf.add(sums.gradients[name] ?? 0, gradient),
      ]),
    ),
    loss: tf.add<Scalar>(sums.loss, own.loss),
    correct: tf.add<tf.Tensor1D>(sums.correct, own.correct),
  }));
  disposeTree([sums, own]);
  return total;
}
