/** A chain of sines, each of which its own argument's cosine is needed for: all arguments wait for the backward pass. */
import * as tf from '@tensorflow/tfjs-core';
import type { Scalar, Tensor1D } from '@tensorflow/tfjs-core';
import { differentiate } from '../../../src/engine/gradients.js';

export interface Weights {
  readonly w: Tensor1D;
}
export interface Batch {
  readonly x: Tensor1D;
}

export const depth = 8;

export const step = ({ w }: Weights, { x }: Batch) => {
  const { loss, gradients } = differentiate({ w }, parameters => {
    let y = tf.mul(parameters.w as Tensor1D, x);
    for (let i = 0; i < depth; i++) y = tf.sin(tf.mul(y, 1.5));
    return { loss: tf.sum<Scalar>(y), auxiliary: {} };
  });
  return { loss, gradients };
};

export const given = (n: number) => ({
  weights: { w: tf.linspace(-2, 2, n) },
  batch: { x: tf.fill<tf.Rank.R1>([n], 0.7) },
});
