/** Stage 2: the policy learns; encoders and classifier stay as they are. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensors } from '../src/engine/gradients.js';
import { disposeTree } from '../src/engine/tensor-tree.js';
import { anytimeGFNet } from '../src/model/locators.js';
import type { Variables } from '../src/nn/scope.js';
import { entropy } from '../src/policy/index.js';
import { normal, stream } from '../src/random/index.js';
import type { GFNetParts } from './classifier-trainer.js';
import type { TrainConfig } from './config.js';
import { normMeans, normValues } from './gradient-norm.js';
import { flatten, group, partition } from './groups.js';
import { zerosLikeAll } from './optimizers.js';
import { policyStep } from './policy-step.js';
import type { PolicyState } from './policy-step.js';
import { warmUp } from './schedule.js';
import { ownDraws } from './shares.js';
import type { Trainer } from './trainer.js';

const ofPolicy = (name: string): boolean => name.startsWith('policy.');

export function policyTrainer(
  { gfnet, costs, variables, seed, compiling = {} }: GFNetParts,
  config: TrainConfig['stage2'],
): Trainer {
  const step = policyStep(gfnet, {
    ...config,
    precision: compiling.precision ?? 'float32',
    adam: { betas: [0.9, 0.999], epsilon: 1e-8 },
  });
  let { part, rest: parameters } = partition(variables.parameters, ofPolicy);
  let { statistics } = variables;
  let state: PolicyState = {
    parameters: part,
    adam: { mean: zerosLikeAll(part), square: zerosLikeAll(part), count: tf.keep(tf.scalar(0)) },
  };
  const current = (): Variables => ({ parameters: { ...parameters, ...state.parameters }, statistics });
  return {
    stage: 'stage2',
    epochs: config.epochs,
    rate: { option: 'stage2.rate', value: config.rate },
    model: anytimeGFNet(gfnet, costs, current, 'learned'),
    means: {
      gain: {
        description:
          'mean rise of the true class’s probability from the glance to the last step; should grow',
      },
      return: {
        description:
          'mean discounted return of the decisions, before it is normalised; should grow with gain',
      },
      cropSpread: {
        description:
          'standard deviation over images of where the policy looks, in units of the image; near 0 it looks at one place whatever it sees',
      },
      entropy: {
        description:
          'of the Gaussian that places are drawn from, in nats; its deviation is fixed, so it stays',
      },
      valueLoss: {
        description: 'mean squared error of the critic on normalised returns; 1 is a constant guess',
      },
      clipFraction: {
        description: 'share of decisions whose probability ratio left 1 +- clip; 0 with one update a batch',
      },
      explainedVariance: {
        description: 'share of the returns’ variance that the critic explains; 1 is perfect',
      },
      ...normMeans(config.maxNorm),
    },
    mixes: false,
    train(batch, position) {
      const { epoch, step: index } = position;
      const { side, channels, steps } = gfnet.config;
      const inputs = {
        images: tf.tensor4d(batch.images, [batch.size, side, side, channels]),
        labels: tf.tensor1d(batch.labels, 'int32'),
        draws: Array.from({ length: steps - 1 }, (_, t) =>
          ownDraws(count => normal(stream(seed, 'stage2', epoch, index, t), count), batch.size, 2),
        ),
      };
      const rate = tf.scalar(config.rate * warmUp(position, config.warmup));
      const { state: next, correct, ...scalars } = step({ state, parameters, statistics, rate }, inputs);
      disposeTree([state, inputs, rate]);
      state = next;
      const value = (scalar: tf.Scalar): number => scalar.dataSync()[0] ?? NaN;
      const { loss, terms, gain, meanReturn, cropSpread, norm } = scalars;
      const metrics = {
        loss: value(loss),
        correct: [...correct.dataSync()],
        means: {
          gain: value(gain),
          return: value(meanReturn),
          cropSpread: value(cropSpread),
          entropy: entropy(gfnet.config.policy.std),
          valueLoss: value(terms.valueLoss),
          clipFraction: value(terms.clipFraction),
          explainedVariance: value(terms.explainedVariance),
          ...normValues(norm),
        },
      };
      disposeTree([scalars, correct]);
      return metrics;
    },
    tensors: () => {
      const { parameters, statistics } = current();
      const { mean, square, count } = state.adam;
      return flatten({ parameters, statistics, 'adam.mean': mean, 'adam.square': square, adam: { count } });
    },
    restore(tensors: Tensors) {
      disposeTree([state, parameters, statistics]);
      ({ part, rest: parameters } = partition(group(tensors, 'parameters'), ofPolicy));
      statistics = group(tensors, 'statistics');
      const { count } = group(tensors, 'adam');
      state = {
        parameters: part,
        adam: {
          mean: group(tensors, 'adam.mean'),
          square: group(tensors, 'adam.square'),
          count: count as tf.Scalar,
        },
      };
    },
    dispose() {
      disposeTree([state, parameters, statistics]);
      step.dispose();
    },
  };
}
