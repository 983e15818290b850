/** The line to beat: one network on the whole image, trained as stage 1 trains its encoders. */
import * as tf from '@tensorflow/tfjs-core';
import type { Scalar, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs-core';
import { compile } from '../src/engine/compile.js';
import type { Tensors } from '../src/engine/gradients.js';
import { differentiate } from '../src/engine/gradients.js';
import { crossEntropy } from '../src/engine/ops.js';
import { disposeTree } from '../src/engine/tensor-tree.js';
import type { StaticNetwork } from '../src/model/static.js';
import type { Variables } from '../src/nn/scope.js';
import { apply } from '../src/nn/scope.js';
import type { ClassifierState } from './classifier-step.js';
import { countCorrect } from './classifier-step.js';
import type { TrainConfig } from './config.js';
import { flatten, group } from './groups.js';
import { nesterov, zerosLikeAll } from './optimizers.js';
import { cosine } from './schedule.js';
import type { Trainer } from './trainer.js';

function staticStep(network: StaticNetwork, config: TrainConfig['static']) {
  return compile(
    (
      { state, rate }: { readonly state: ClassifierState; readonly rate: Scalar },
      { images, labels }: { readonly images: Tensor4D; readonly labels: Tensor1D },
    ) => {
      const target = tf.oneHot(labels, network.config.classes.length, 1, 0, 'float32') as Tensor2D;
      const { loss, gradients, auxiliary } = differentiate(state.parameters, parameters => {
        const { result, statistics } = apply({ parameters, statistics: state.statistics }, true, scope =>
          network.classify(scope, images),
        );
        return {
          loss: crossEntropy(result, target),
          auxiliary: { statistics, correct: countCorrect(result, labels) },
        };
      });
      const next = nesterov(state.parameters, gradients, state.velocity, { ...config, rate: () => rate });
      return { state: { ...next, statistics: auxiliary.statistics }, loss, correct: auxiliary.correct };
    },
  );
}

export function staticTrainer(
  network: StaticNetwork,
  { variables, multiAdds }: { readonly variables: Variables; readonly multiAdds: number },
  config: TrainConfig['static'],
): Trainer {
  const step = staticStep(network, config);
  const { parameters, statistics } = variables;
  let state: ClassifierState = { parameters, statistics, velocity: zerosLikeAll(parameters) };
  return {
    stage: 'static',
    epochs: config.epochs,
    rate: { option: 'static.encoderRate', value: config.encoderRate },
    means: {},
    model: network.anytime(() => state, multiAdds),
    train(batch, epoch) {
      const { side, channels } = network.config;
      const inputs = {
        images: tf.tensor4d(batch.images, [batch.size, side, side, channels]),
        labels: tf.tensor1d(batch.labels, 'int32'),
      };
      const rate = tf.scalar(cosine(config.encoderRate, epoch, config.epochs));
      const { state: next, loss, correct } = step({ state, rate }, inputs);
      disposeTree([state, inputs, rate]);
      state = next;
      const metrics = { loss: loss.dataSync()[0] ?? NaN, correct: [correct.dataSync()[0] ?? 0], means: {} };
      disposeTree([loss, correct]);
      return metrics;
    },
    tensors: () => flatten({ ...state }),
    restore(tensors: Tensors) {
      disposeTree(state);
      state = {
        parameters: group(tensors, 'parameters'),
        statistics: group(tensors, 'statistics'),
        velocity: group(tensors, 'velocity'),
      };
    },
    dispose() {
      disposeTree(state);
      step.dispose();
    },
  };
}
