/** Stage 1 (random crops) and stage 3 (the policy's crops): encoders and classifier learn, the policy stays as it is, and f_G where the configuration says so. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensors } from '../src/engine/gradients.js';
import { disposeTree } from '../src/engine/tensor-tree.js';
import type { Costs, GFNet } from '../src/model/gfnet.js';
import { anytimeGFNet } from '../src/model/locators.js';
import type { Variables } from '../src/nn/scope.js';
import { normal, stream, uniform } from '../src/random/index.js';
import { classifierStep } from './classifier-step.js';
import type { ClassifierState } from './classifier-step.js';
import type { SgdConfig } from './config.js';
import { flatten, group, partition } from './groups.js';
import { zerosLikeAll } from './optimizers.js';
import { cosine } from './schedule.js';
import type { Trainer } from './trainer.js';

export interface GFNetParts {
  readonly gfnet: GFNet;
  readonly costs: Costs;
  /** Become the trainer's. */
  readonly variables: Variables;
  readonly seed: number;
}

export function classifierTrainer(
  stage: 'stage1' | 'stage3',
  { gfnet, costs, variables, seed }: GFNetParts,
  config: SgdConfig,
): Trainer {
  const crops = stage === 'stage1' ? 'random' : 'policy';
  const step = classifierStep(gfnet, { crops, ...config });
  const still = config.trainGlance ? ['policy'] : ['policy', 'global'];
  let { part: frozen, rest: parameters } = partition(variables.parameters, still);
  let state: ClassifierState = {
    parameters,
    statistics: variables.statistics,
    velocity: zerosLikeAll(parameters),
  };
  const draws = (n: number, epoch: number, index: number): tf.Tensor2D[] =>
    Array.from({ length: gfnet.config.steps - 1 }, (_, t) => {
      const random = stream(seed, stage, epoch, index, t);
      return tf.tensor2d(stage === 'stage1' ? uniform(random, 2 * n) : normal(random, 2 * n), [n, 2]);
    });
  const current = (): Variables => ({
    parameters: { ...state.parameters, ...frozen },
    statistics: state.statistics,
  });
  const model = anytimeGFNet(gfnet, costs, current, stage === 'stage1' ? 'random' : 'learned');
  return {
    stage,
    epochs: config.epochs,
    rate: { option: `${stage}.encoderRate`, value: config.encoderRate },
    means: {},
    model,
    train(batch, epoch, index) {
      const { side, channels } = gfnet.config;
      const rate = (initial: number): tf.Scalar => tf.scalar(cosine(initial, epoch, config.epochs));
      const inputs = {
        images: tf.tensor4d(batch.images, [batch.size, side, side, channels]),
        labels: tf.tensor1d(batch.labels, 'int32'),
        draws: draws(batch.size, epoch, index),
      };
      const rates = { encoders: rate(config.encoderRate), classifier: rate(config.classifierRate) };
      const { state: next, loss, correct } = step({ state, frozen, rates }, inputs);
      disposeTree([state, inputs, rates]);
      state = next;
      const metrics = {
        loss: loss.dataSync()[0] ?? NaN,
        correct: [...correct.dataSync()],
        means: {},
      };
      disposeTree([loss, correct]);
      return metrics;
    },
    tensors: () =>
      flatten({ parameters: current().parameters, statistics: state.statistics, velocity: state.velocity }),
    restore(tensors: Tensors) {
      disposeTree([state, frozen]);
      ({ part: frozen, rest: parameters } = partition(group(tensors, 'parameters'), still));
      state = { parameters, statistics: group(tensors, 'statistics'), velocity: group(tensors, 'velocity') };
    },
    dispose() {
      disposeTree([state, frozen]);
      step.dispose();
    },
  };
}
