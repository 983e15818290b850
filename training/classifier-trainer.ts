/** Stage 1 (random crops) and stage 3 (the policy's crops): encoders and classifier learn, the policy stays as it is, and what the configuration freezes. */
import type * as tf from '@tensorflow/tfjs-core';
import type { StepOptions } from '../src/engine/compile.js';
import type { Costs, GFNet } from '../src/model/gfnet.js';
import { anytimeGFNet } from '../src/model/locators.js';
import type { Variables } from '../src/nn/scope.js';
import { normal, stream, uniform } from '../src/random/index.js';
import { classifierObjective } from './classifier-step.js';
import type { SgdConfig, TrainConfig } from './config.js';
import { inputsOf } from './inputs.js';
import { Learner } from './learner.js';
import { mixes } from './mix.js';
import { freezing } from './patterns.js';
import { ownDraws } from './shares.js';
import type { ClassWeights } from './targets.js';
import { evenly } from './targets.js';
import type { Trainer } from './trainer.js';

export interface GFNetParts {
  readonly gfnet: GFNet;
  readonly costs: Costs;
  /** Become the trainer's. */
  readonly variables: Variables;
  readonly seed: number;
  /** Of training steps. */
  readonly compiling?: StepOptions;
}

/** Of what not the stage's configuration says. */
export interface Learning {
  readonly classWeights?: ClassWeights;
  /** Whose images batch norm takes its statistics of. */
  readonly batchNorm?: TrainConfig['batchNorm'];
}

export function classifierTrainer(
  stage: 'stage1' | 'stage3',
  { gfnet, costs, variables, seed, compiling }: GFNetParts,
  config: SgdConfig,
  { classWeights = evenly(gfnet.config.classes), batchNorm = 'worker' }: Learning = {},
): Trainer {
  const crops = stage === 'stage1' ? 'random' : 'policy';
  const isFrozen = freezing(stage, config, variables.parameters, ['policy']);
  const objective = classifierObjective(gfnet, {
    ...config,
    crops,
    isFrozen,
    jointly: batchNorm === 'joint',
  });
  const learner = new Learner(objective, variables, isFrozen, config, compiling);
  const { steps } = gfnet.config;
  const draws = (n: number, epoch: number, index: number): tf.Tensor2D[] =>
    Array.from({ length: steps - 1 }, (_, t) => {
      const random = stream(seed, stage, epoch, index, t);
      return ownDraws(count => (stage === 'stage1' ? uniform : normal)(random, count), n, 2);
    });
  return {
    stage,
    epochs: config.epochs,
    rate: { option: `${stage}.encoderRate`, value: config.encoderRate },
    means: learner.means,
    mixes: mixes(config),
    model: anytimeGFNet(gfnet, costs, () => learner.variables, stage === 'stage1' ? 'random' : 'learned'),
    train(batch, position) {
      const random = stream(seed, stage, 'mix', position.epoch, position.step);
      const all = {
        ...inputsOf(batch, gfnet.config, config, classWeights, random),
        draws: draws(batch.size, position.epoch, position.step),
      };
      return learner.train(all, batch.size, position);
    },
    tensors: () => learner.tensors(),
    restore: tensors => learner.restore(tensors),
    dispose: () => learner.dispose(),
  };
}
