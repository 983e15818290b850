/** What the policy is rewarded for. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor1D } from '@tensorflow/tfjs-core';
import { allReduce, workers } from '../src/engine/collectives.js';
import { jointMean } from './shares.js';

/** R_t = r_t + gamma R_(t+1): rewards of steps 2..T, [n] each -> returns, [n] each (paper, section 3.3). */
export function discountedReturns(rewards: readonly Tensor1D[], gamma: number): Tensor1D[] {
  const returns: Tensor1D[] = [];
  for (const reward of [...rewards].reverse()) {
    const later = returns[0];
    returns.unshift(later ? tf.add(reward, tf.mul(later, gamma)) : reward);
  }
  return returns;
}

/** All steps and images of all workers together: (R - mean) / (std + 1e-5), with the unbiased standard deviation. [m] -> [m] */
export function normalise(returns: Tensor1D): Tensor1D {
  const centred = tf.sub(returns, jointMean(returns));
  const squares = allReduce(tf.sum(tf.square(centred)));
  const std = tf.sqrt(tf.div(squares, returns.size * workers().count - 1));
  return tf.div(centred, tf.add(std, 1e-5));
}
