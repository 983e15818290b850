/** Stages 1 and 3: encoders and classifier learn, on random crops or on the policy's. */
import * as tf from '@tensorflow/tfjs-core';
import type { Scalar, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs-core';
import type { Tensors } from '../src/engine/gradients.js';
import { withoutGradient } from '../src/engine/gradients.js';
import { crossEntropy } from '../src/engine/ops.js';
import type { GFNet, Look } from '../src/model/gfnet.js';
import type { Scope, Variables } from '../src/nn/scope.js';
import { apply } from '../src/nn/scope.js';
import type { Objective } from './descent.js';

export interface ClassifierBatch {
  /** [n, side, side, c] in [0, 1] */
  readonly images: Tensor4D;
  /** [n], int32 */
  readonly labels: Tensor1D;
  /** T - 1 of [n, 2]: stage 1, places uniform in [0, 1]; stage 3, standard normal noise of the policy's draws. */
  readonly draws: readonly Tensor2D[];
}

/** What the images are to be answered with, and what each counts: see `crossEntropy`. */
export interface Answers {
  /** [n, classes] */
  readonly targets: Tensor2D;
  /** [n] */
  readonly weights: Tensor1D;
}

export interface ClassifierOptions {
  /** Where crops are taken: at random (stage 1), or drawn from the policy (stage 3). */
  readonly crops: 'random' | 'policy';
  /** Weight r of the encoders' own losses. */
  readonly supervision: number;
  readonly isFrozen: (name: string) => boolean;
  /** Whether batch norm takes the statistics of all workers' images. */
  readonly jointly: boolean;
}

/** The looks of all T steps, in training mode. */
function looks(
  gfnet: GFNet,
  { crops, isFrozen, jointly }: ClassifierOptions,
  variables: Variables,
  { images, draws }: ClassifierBatch,
): { looks: Look[]; statistics: Tensors } {
  const look = (scope: Scope): Look[] => {
    const normalised = gfnet.normalise(images);
    const n = images.shape[0];
    const sequence = [gfnet.glance(scope, normalised, gfnet.initialMemory(n))];
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
  };
  const { result, statistics } = apply(variables, true, look, isFrozen, jointly);
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
export function classifierObjective(
  gfnet: GFNet,
  options: ClassifierOptions,
): Objective<ClassifierBatch & Answers> {
  return (variables, batch) => {
    const { targets, weights, labels } = batch;
    const seen = looks(gfnet, options, variables, batch);
    const losses = seen.looks.flatMap(({ logits, ownLogits }) => [
      crossEntropy(logits, targets, weights),
      tf.mul<Scalar>(crossEntropy(ownLogits, targets, weights), options.supervision),
    ]);
    return {
      loss: tf.div(tf.addN(losses), seen.looks.length),
      correct: tf.stack(seen.looks.map(({ logits }) => countCorrect(logits, labels))) as Tensor1D,
      statistics: seen.statistics,
    };
  };
}
