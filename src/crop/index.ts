/** From an action to a patch: the one place that knows how a place in [0, 1]^2 becomes pixels (paper, section 3.1). */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor2D, Tensor3D, Tensor4D } from '@tensorflow/tfjs-core';

/**
 * Cuts a patch from each image.
 * @param images [n, side, side, c]
 * @param action [n, 2], (row, column) in [0, 1]
 * @returns [n, patch, patch, c]
 */
export function crop(images: Tensor4D, action: Tensor2D, patch: number): Tensor4D {
  const place = tf.cast(tf.floor(tf.mul(action, images.shape[1] - patch)), 'int32');
  // NaN becomes the smallest integer: where training diverges the loss is to tell, not a place outside the image.
  const corner = tf.maximum(place, tf.scalar(0, 'int32'));
  const [row, column] = tf.split(corner, 2, 1) as [Tensor2D, Tensor2D]; // [n, 1] each
  const offsets = tf.tensor2d(
    Int32Array.from({ length: patch }, (_, i) => i),
    [1, patch],
    'int32',
  );
  const rows = tf.gather(images, tf.add<Tensor2D>(row, offsets), 1, 1); // [n, patch, side, c]
  return tf.gather(
    rows as unknown as Tensor3D,
    tf.add<Tensor2D>(column, offsets),
    2,
    1,
  ) as unknown as Tensor4D;
}
