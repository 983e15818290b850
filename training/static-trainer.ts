/** A static network, the encoder once on the whole image, trained as stage 1 trains its encoders. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor1D, Tensor4D } from '@tensorflow/tfjs-core';
import { crossEntropy } from '../src/engine/ops.js';
import type { Precision } from '../src/engine/precision.js';
import type { StaticNetwork } from '../src/model/static.js';
import type { Scope, Variables } from '../src/nn/scope.js';
import { apply } from '../src/nn/scope.js';
import { stream } from '../src/random/index.js';
import type { Answers } from './classifier-step.js';
import { countCorrect } from './classifier-step.js';
import type { TrainConfig } from './config.js';
import type { Objective } from './descent.js';
import { inputsOf } from './inputs.js';
import { Learner } from './learner.js';
import { freezing } from './patterns.js';
import type { ClassWeights } from './targets.js';
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
    precision,
  }: {
    readonly variables: Variables;
    readonly multiAdds: number;
    readonly seed: number;
    /** Of training steps; float32 when absent. */
    readonly precision?: Precision;
  },
  config: TrainConfig['static'],
  classWeights: ClassWeights = evenly(network.config.classes),
): Trainer {
  const isFrozen = freezing('static', config, variables.parameters);
  const objective: Objective<StaticBatch> = (variables, { images, labels, targets, weights }) => {
    const classify = (scope: Scope) => network.classify(scope, images);
    const { result, statistics } = apply(variables, true, classify, isFrozen);
    return {
      loss: crossEntropy(result, targets, weights),
      correct: tf.reshape(countCorrect(result, labels), [1]),
      statistics,
    };
  };
  const learner = new Learner(objective, variables, isFrozen, config, precision);
  return {
    stage: 'static',
    epochs: config.epochs,
    rate: { option: 'static.encoderRate', value: config.encoderRate },
    means: learner.means,
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
