/** A layer of the size of a real one, with its gradients, as a compiled step; as a program, the sums of its bits for so many threads. */
import { createHash } from 'node:crypto';
import * as tf from '@tensorflow/tfjs-core';
import type { Scalar, Tensor, Tensor1D, Tensor4D } from '@tensorflow/tfjs-core';
import { compile } from '../../../src/engine/compile.js';
import { differentiate } from '../../../src/engine/gradients.js';
import { batchNormTraining, hardSwish, nesterov } from '../../../src/engine/ops.js';
import { startEngine } from '../../../src/engine/start.js';
import { disposeTree, leaves } from '../../../src/engine/tensor-tree.js';
import { normal, stream } from '../../../src/random/index.js';

export const epsilon = 1e-5;
/** Rows that are cut into many blocks, with a short one last; channels for every width of vector, and single ones. */
export const shape = [7, 33, 31, 83] as const;

/** x, what each output counts in the loss, and a scale and an offset of each channel; `mean` is that of x. */
export function given(mean: number) {
  const size = shape.reduce((product, side) => product * side, 1);
  const draw = (name: string, count: number): Float64Array =>
    Float64Array.from(normal(stream(1, name), count), Math.fround);
  const [, , , channels] = shape;
  return {
    x: draw('x', size).map(value => Math.fround(mean + value)),
    w: draw('w', size),
    scale: draw('scale', channels),
    offset: draw('offset', channels),
  };
}

/** hardSwish(batchNorm(x)), the gradients of its sum weighted by w, and x after a step of SGD. */
export function layer({ x, w, scale, offset }: ReturnType<typeof given>) {
  const step = compile((parameters: Record<string, Tensor>, { w }: { w: Tensor4D }) => {
    const { gradients, auxiliary } = differentiate(parameters, ({ x, scale, offset }) => {
      const { output, ...statistics } = batchNormTraining(
        x as Tensor4D,
        scale as Tensor1D,
        offset as Tensor1D,
        epsilon,
      );
      const activated = hardSwish(output);
      const loss: Scalar = tf.sum(tf.mul(activated, w));
      return { loss, auxiliary: { output: activated, ...statistics } };
    });
    const x = parameters.x as Tensor4D;
    const { parameter } = nesterov(x, gradients.x as Tensor4D, w, {
      momentum: 0.9,
      weightDecay: 1e-4,
      rate: tf.scalar(0.1),
    });
    return { ...auxiliary, gradients, updated: parameter };
  });
  const tensors = {
    x: tf.tensor4d(Float32Array.from(x), [...shape]),
    scale: tf.tensor1d(Float32Array.from(scale)),
    offset: tf.tensor1d(Float32Array.from(offset)),
  };
  const weights = tf.tensor4d(Float32Array.from(w), [...shape]);
  const result = step(tensors, { w: weights });
  disposeTree({ ...tensors, weights });
  step.dispose();
  return result;
}

if (process.argv[1] === import.meta.filename) {
  startEngine({ threads: Number(process.argv[2]) });
  const hash = createHash('sha256');
  for (const tensor of leaves(layer(given(0)))) hash.update(tensor.dataSync());
  console.log(hash.digest('hex'));
}
