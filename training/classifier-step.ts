/** Stages 1 and 3: encoders and classifier learn, on random crops or on the policy's. */
import * as tf from '@tensorflow/tfjs-core';
import type { Scalar, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs-core';
import { compile } from '../src/engine/compile.js';
import type { Tensors } from '../src/engine/gradients.js';
import { differentiate, withoutGradient } from '../src/engine/gradients.js';
import { crossEntropy } from '../src/engine/ops.js';
import type { GFNet, Look } from '../src/model/gfnet.js';
import { apply } from '../src/nn/scope.js';
import { nesterov } from './optimizers.js';

/** What one step changes. */
export interface ClassifierState {
  /** Of encoders and classifier, as far as they learn. */
  readonly parameters: Tensors;
  readonly statistics: Tensors;
  readonly velocity: Tensors;
}

export interface ClassifierBatch {
  /** [n, side, side, c] in [0, 1] */
  readonly images: Tensor4D;
  /** [n], int32 */
  readonly labels: Tensor1D;
  /** T - 1 of [n, 2]: stage 1, places uniform in [0, 1]; stage 3, standard normal noise of the policy's draws. */
  readonly draws: readonly Tensor2D[];
}

export interface Rates {
  readonly encoders: Scalar;
  readonly classifier: Scalar;
}

export interface ClassifierOptions {
  /** Where crops are taken: at random (stage 1), or drawn from the policy (stage 3). */
  readonly crops: 'random' | 'policy';
  readonly momentum: number;
  readonly weightDecay: number;
  /** Weight r of the encoders' own losses. */
  readonly supervision: number;
  /** Whether f_G learns; otherwise its parameters are among the frozen ones. */
  readonly trainGlance: boolean;
}

export interface ClassifierOutput {
  readonly state: ClassifierState;
  readonly loss: Scalar;
  /** [T]: images answered rightly after each step. */
  readonly correct: Tensor1D;
}

/** The looks of all T steps, in training mode. */
function looks(
  gfnet: GFNet,
  { crops, trainGlance }: ClassifierOptions,
  variables: { parameters: Tensors; statistics: Tensors },
  { images, draws }: ClassifierBatch,
): { looks: Look[]; statistics: Tensors } {
  const { result, statistics } = apply(variables, true, scope => {
    const normalised = gfnet.normalise(images);
    const n = images.shape[0];
    const glanceScope = trainGlance ? scope : scope.evaluating();
    const sequence = [gfnet.glance(glanceScope, normalised, gfnet.initialMemory(n))];
    let hidden = gfnet.initialPolicy(n);
    draws.forEach((draw, i) => {
      const last = sequence[i] as Look;
      let action = draw;
      if (crops === 'policy') {
        const decision = withoutGradient(() => gfnet.decide(scope, last.map, hidden));
        hidden = decision.hidden;
        action = withoutGradient(() => sample(decision.mean, draw, gfnet.config.policy.std));
      }
      sequence.push(gfnet.focus(scope, i + 1, normalised, action, last.memory));
    });
    return sequence;
  });
  return { looks: result, statistics };
}

/** mean + std noise, clipped to the image; [n, 2] */
export function sample(mean: Tensor2D, noise: Tensor2D, std: number): Tensor2D {
  return tf.clipByValue(tf.add(mean, tf.mul(noise, std)), 0, 1);
}

/** [n, classes], [n] -> how many are right. */
export function countCorrect(logits: Tensor2D, labels: Tensor1D): Scalar {
  return tf.sum(tf.cast(tf.equal(tf.argMax(logits, 1), labels), 'float32'));
}

/** Loss = (sum_t CE(p_t) + r sum_t CE(own_t)) / T (METHOD "Training", stage 1). */
export function classifierStep(gfnet: GFNet, options: ClassifierOptions) {
  const classes = gfnet.config.classes.length;
  return compile(
    (
      fixed: { readonly state: ClassifierState; readonly frozen: Tensors; readonly rates: Rates },
      batch: ClassifierBatch,
    ): ClassifierOutput => {
      const { state, frozen, rates } = fixed;
      const target = tf.oneHot(batch.labels, classes, 1, 0, 'float32') as Tensor2D;
      const { loss, gradients, auxiliary } = differentiate(state.parameters, parameters => {
        const variables = { parameters: { ...frozen, ...parameters }, statistics: state.statistics };
        const seen = looks(gfnet, options, variables, batch);
        const losses = seen.looks.flatMap(({ logits, ownLogits }) => [
          crossEntropy(logits, target),
          tf.mul(crossEntropy(ownLogits, target), options.supervision),
        ]);
        const correct = tf.stack(
          seen.looks.map(({ logits }) => countCorrect(logits, batch.labels)),
        ) as Tensor1D;
        return {
          loss: tf.div(tf.addN(losses as Scalar[]), seen.looks.length),
          auxiliary: { statistics: seen.statistics, correct },
        };
      });
      const { parameters, velocity } = nesterov(state.parameters, gradients, state.velocity, {
        ...options,
        rate: name => (name.startsWith('classifier.') ? rates.classifier : rates.encoders),
      });
      return {
        state: { parameters, statistics: auxiliary.statistics, velocity },
        loss,
        correct: auxiliary.correct,
      };
    },
  );
}
