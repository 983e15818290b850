/** Squeeze and excitation (Hu et al. 2018, "Squeeze-and-Excitation Networks"). */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor4D } from '@tensorflow/tfjs-core';
import { conv2d } from '../nn/layers.js';
import type { Scope } from '../nn/scope.js';

export type Activation = (x: Tensor4D) => Tensor4D;

export interface Excitation {
  /** Channels of the squeezed vector. */
  readonly reduced: number;
  readonly activation: Activation;
  readonly gate: Activation;
}

/**
 * x scaled channel by channel with a gate that is computed from its means; [n, h, w, c]
 * @param names of the two convolutions, which squeeze and expand
 */
export function squeezeExcite(
  scope: Scope,
  x: Tensor4D,
  { reduced, activation, gate }: Excitation,
  [reduce, expand]: readonly [string, string],
): Tensor4D {
  const [, , , channels] = x.shape;
  const means = tf.mean<Tensor4D>(x, [1, 2], true); // [n, 1, 1, c]
  const squeezed = activation(conv2d(scope.at(reduce), means, { out: reduced, kernel: 1, bias: true }));
  return tf.mul(x, gate(conv2d(scope.at(expand), squeezed, { out: channels, kernel: 1, bias: true })));
}
