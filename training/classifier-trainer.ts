/** Stage 1 (random crops) and stage 3 (the policy's crops): encoders and classifier learn, the policy stays as it is, and what the configuration freezes. */
import * as tf from '@tensorflow/tfjs-core';
import type { Precision } from '../src/engine/precision.js';
import type { Costs, GFNet } from '../src/model/gfnet.js';
import { anytimeGFNet } from '../src/model/locators.js';
import type { Variables } from '../src/nn/scope.js';
import { normal, stream, uniform } from '../src/random/index.js';
import { classifierObjective } from './classifier-step.js';
import type { SgdConfig } from './config.js';
import { inputsOf } from './inputs.js';
import { Learner } from './learner.js';
import { freezing } from './patterns.js';
import type { ClassWeights } from './targets.js';
import { evenly } from './targets.js';
import type { Trainer } from './trainer.js';

export interface GFNetParts {
  readonly gfnet: GFNet;
  readonly costs: Costs;
  /** Become the trainer's. */
  readonly variables: Variables;
  readonly seed: number;
  /** Of training steps; float32 when absent. */
  readonly precision?: Precision;
}

export function classifierTrainer(
  stage: 'stage1' | 'stage3',
  { gfnet, costs, variables, seed, precision }: GFNetParts,
  config: SgdConfig,
  classWeights: ClassWeights = evenly(gfnet.config.classes),
): Trainer {
  const crops = stage === 'stage1' ? 'random' : 'policy';
  const isFrozen = freezing(stage, config, variables.parameters, ['policy']);
  const objective = classifierObjective(gfnet, { ...config, crops, isFrozen });
  const learner = new Learner(objective, variables, isFrozen, config, precision);
  const { steps } = gfnet.config;
  const draws = (n: number, epoch: number, index: number): Float32Array[] =>
    Array.from({ length: steps - 1 }, (_, t) => {
      const random = stream(seed, stage, epoch, index, t);
      return stage === 'stage1' ? uniform(random, 2 * n) : normal(random, 2 * n);
    });
  return {
    stage,
    epochs: config.epochs,
    rate: { option: `${stage}.encoderRate`, value: config.encoderRate },
    means: learner.means,
    model: anytimeGFNet(gfnet, costs, () => learner.variables, stage === 'stage1' ? 'random' : 'learned'),
    train(batch, position) {
      const random = stream(seed, stage, 'mix', position.epoch, position.step);
      const all = {
        ...inputsOf(batch, gfnet.config, config, classWeights, random),
        draws: draws(batch.size, position.epoch, position.step).map(draw =>
          tf.tensor2d(draw, [batch.size, 2]),
        ),
      };
      return learner.train(all, batch.size, position);
    },
    tensors: () => learner.tensors(),
    restore: tensors => learner.restore(tensors),
    dispose: () => learner.dispose(),
  };
}
