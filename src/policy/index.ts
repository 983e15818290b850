/** The policy network pi: an actor-critic over the last feature map (paper, section 3.1; METHOD "Networks"). */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { relu } from '../engine/ops.js';
import { conv2d, gru, linear } from '../nn/layers.js';
import type { Scope } from '../nn/scope.js';

export const PolicyConfig = z.strictObject({
  /** How the feature map is read: `conv` = 1x1 convolution to 32 channels, linear; `linear` = two linear layers (2 hidden, hidden). */
  encoder: z.enum(['conv', 'linear']).default('conv'),
  hidden: z.int().min(1).default(256),
  /** Standard deviation of the Gaussian that actions are drawn from, in units of the image. */
  std: z.number().positive().default(0.1),
});
export type PolicyConfig = z.infer<typeof PolicyConfig>;

export interface Decision {
  /** [n, 2]: mean of the Gaussian, (row, column) in [0, 1]. */
  readonly mean: Tensor2D;
  /** [n]: the critic's estimate of the normalised return. */
  readonly value: Tensor1D;
  /** [n, hidden] */
  readonly hidden: Tensor2D;
}

/** What the policy keeps of a feature map: all that it needs to decide, and the least to carry from step to step. [n, h, w, c] -> [n, features] */
export function readMap(scope: Scope, { encoder }: PolicyConfig, map: Tensor4D): Tensor2D {
  const squeezed =
    encoder === 'conv' ? relu(conv2d(scope.at('state').at('conv'), map, { out: 32, kernel: 1 })) : map;
  const [, height, width, channels] = squeezed.shape;
  return tf.reshape(squeezed, [-1, height * width * channels]);
}

/** `seen`: what `readMap` gave; hidden: [n, config.hidden], zeros before the first decision. */
export function decide(scope: Scope, config: PolicyConfig, seen: Tensor2D, hidden: Tensor2D): Decision {
  const next = gru(scope.at('gru'), stateOf(scope.at('state'), config, seen), hidden);
  return {
    mean: tf.sigmoid(linear(scope.at('actor'), next, 2)),
    value: tf.reshape(linear(scope.at('critic'), next, 1), [-1]),
    hidden: next,
  };
}

function stateOf(scope: Scope, { encoder, hidden }: PolicyConfig, seen: Tensor2D): Tensor2D {
  const wide = encoder === 'conv' ? seen : relu(linear(scope.at('wide'), seen, 2 * hidden));
  return relu(linear(scope.at('fc'), wide, hidden));
}

/**
 * Log density of actions under a Gaussian of fixed standard deviation around `mean`; [n, 2] -> [n].
 * Entropy is constant, since the deviation is fixed.
 */
export function logProbability(action: Tensor2D, mean: Tensor2D, std: number): Tensor1D {
  const squares = tf.sum(tf.square(tf.div(tf.sub(action, mean), std)), 1);
  return tf.sub(tf.mul(squares, -0.5), 2 * Math.log(std) + Math.log(2 * Math.PI));
}

/** Entropy of the two-dimensional Gaussian, in nats. */
export function entropy(std: number): number {
  return 1 + Math.log(2 * Math.PI) + 2 * Math.log(std);
}
