/** A static network, the encoder once on the whole image, trained as stage 1 trains its encoders. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor1D, Tensor4D } from '@tensorflow/tfjs-core';
import { crossEntropy } from '../src/engine/ops.js';
import type { StaticNetwork } from '../src/model/static.js';
import type { Scope } from '../src/nn/scope.js';
import { apply } from '../src/nn/scope.js';
import { stream } from '../src/random/index.js';
import type { Answers } from './classifier-step.js';
import { countCorrect } from './classifier-step.js';
import type { GFNetParts, Learning } from './classifier-trainer.js';
import type { TrainConfig } from './config.js';
import type { Objective } from './descent.js';
import { inputsOf } from './inputs.js';
import { Learner } from './learner.js';
import { mixes } from './mix.js';
import { freezing } from './patterns.js';
import { evenly } from './targets.js';
import type { Trainer } from './trainer.js';

interface StaticBatch extends Answers {
  /** [n, side, side, c] in [0, 1] */
  readonly images: Tensor4D;
  /** [n], int32 */
  readonly labels: Tensor1D;
}

export function staticTrainer(
  network: StaticNetwork,
  {
    variables,
    multiAdds,
    seed,
    compiling,
  }: Pick<GFNetParts, 'variables' | 'seed' | 'compiling'> & { readonly multiAdds: number },
  config: TrainConfig['static'],
  { classWeights = evenly(network.config.classes), batchNorm = 'worker' }: Learning = {},
): Trainer {
  const isFrozen = freezing('static', config, variables.parameters);
  const objective: Objective<StaticBatch> = (variables, { images, labels, targets, weights }) => {
    const classify = (scope: Scope) => network.classify(scope, images);
    const { result, statistics } = apply(variables, true, classify, isFrozen, batchNorm === 'joint');
    return {
      loss: crossEntropy(result, targets, weights),
      correct: tf.reshape(countCorrect(result, labels), [1]),
      statistics,
    };
  };
  const learner = new Learner(objective, variables, isFrozen, config, compiling);
  return {
    stage: 'static',
    epochs: config.epochs,
    rate: { option: 'static.encoderRate', value: config.encoderRate },
    means: learner.means,
    mixes: mixes(config),
    model: network.anytime(() => learner.variables, multiAdds),
    train(batch, position) {
      const random = stream(seed, 'static', 'mix', position.epoch, position.step);
      const all = inputsOf(batch, network.config, config, classWeights, random);
      return learner.train(all, batch.size, position);
    },
    tensors: () => learner.tensors(),
    restore: tensors => learner.restore(tensors),
    dispose: () => learner.dispose(),
  };
}
