/** Batch normalisation with the statistics of all processes' batches together (training), as PyTorch's SyncBatchNorm. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs-core';
import { allReduce, workers } from './collectives.js';
import type { BatchNormalised } from './ops.js';
import { withGradient } from './ops.js';

const places = [0, 1, 2];

/** As `batchNormTraining`, over the batches of all processes, which have the same size. */
export function batchNormJoint(
  x: Tensor4D,
  scale: Tensor1D,
  offset: Tensor1D,
  epsilon: number,
): BatchNormalised {
  const [n, height, width] = x.shape;
  const values = n * height * width * workers().count;
  let statistics: [Tensor1D, Tensor1D] | undefined;
  const output = withGradient<[Tensor4D, Tensor1D, Tensor1D], Tensor4D>(([x, scale, offset], save) => {
    const { mean, variance } = jointMoments(x);
    statistics = [tf.keep(mean), tf.keep(variance)];
    save([x, scale, mean, tf.rsqrt(tf.add(variance, epsilon))]);
    return {
      value: tf.batchNorm(x, mean, variance, offset, scale, epsilon),
      gradient: (dy, saved) => {
        const [x, scale, mean, inverse] = saved as [Tensor4D, Tensor1D, Tensor1D, Tensor1D];
        const centred = tf.mul<Tensor4D>(tf.sub(x, mean), inverse);
        const ofOffset = tf.sum<Tensor1D>(dy, places);
        const ofScale = tf.sum<Tensor1D>(tf.mul(dy, centred), places);
        const means = tf.div<Tensor2D>(allReduce(tf.stack([ofOffset, ofScale])), values); // [2, c]
        const [first, second] = tf.unstack(means) as [Tensor1D, Tensor1D];
        const deviation = tf.sub<Tensor4D>(tf.sub(dy, first), tf.mul(centred, second));
        return [tf.mul(deviation, tf.mul(scale, inverse)), ofScale, ofOffset];
      },
    };
  })(x, scale, offset);
  const [mean, variance] = statistics as unknown as [Tensor1D, Tensor1D];
  const batch = {
    batchMean: mean.clone(),
    batchVariance: tf.mul<Tensor1D>(variance, values / (values - 1)),
  };
  tf.dispose([mean, variance]);
  return { output, ...batch };
}

/** [n, h, w, c] in each process -> [c]: those of each, gathered, then put together: squares of large means would cancel. */
function jointMoments(x: Tensor4D): { mean: Tensor1D; variance: Tensor1D } {
  const { count, task } = workers();
  const own = tf.moments(x, places) as { mean: Tensor1D; variance: Tensor1D };
  if (count === 1) return own;
  const row = tf.reshape(tf.concat([own.mean, own.variance]), [1, -1]);
  const all = allReduce(
    tf.pad(row, [
      [task, count - 1 - task],
      [0, 0],
    ]),
  ); // [workers, 2 c]
  const [means, variances] = tf.split(all, 2, 1) as [Tensor, Tensor];
  const mean = tf.mean<Tensor1D>(means, 0);
  return { mean, variance: tf.mean(tf.add(variances, tf.square(tf.sub(means, mean))), 0) };
}
