/** Pixels in [0, 1] become what encoders see. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor4D } from '@tensorflow/tfjs-core';

/** (images - mean) / std by channel: [n, side, side, c] -> [n, side, side, c], or as many channels as there are means where c is 1. */
export function normalise(
  images: Tensor4D,
  { mean, std }: { readonly mean: readonly number[]; readonly std: readonly number[] },
): Tensor4D {
  return tf.div(tf.sub(images, tf.tensor1d([...mean])), tf.tensor1d([...std]));
}
