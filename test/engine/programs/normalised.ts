/** A loss of batch-normalised rows, and its gradients, as a compiled step. */
import * as tf from '@tensorflow/tfjs-core';
import type { Scalar, Tensor, Tensor1D, Tensor4D } from '@tensorflow/tfjs-core';
import { allReduceTree } from '../../../src/engine/collectives.js';
import { compile } from '../../../src/engine/compile.js';
import { differentiate } from '../../../src/engine/gradients.js';
import { batchNormJoint } from '../../../src/engine/joint-batch-norm.js';
import { batchNormTraining } from '../../../src/engine/ops.js';

/** [n, 2, 2, 3] each */
export interface Rows {
  readonly x: readonly number[];
  /** What each output counts in the loss. */
  readonly w: readonly number[];
}

const epsilon = 1e-3;

/** `outputs` are sums and statistics of all processes, `own` belongs to the rows given. */
export function normalised(rows: Rows, jointly: boolean) {
  const normalise = jointly ? batchNormJoint : batchNormTraining;
  const images = (values: readonly number[]): Tensor4D =>
    tf.tensor4d([...values], [values.length / 12, 2, 2, 3]);
  const step = compile((parameters: Record<string, Tensor>, { w }: { w: Tensor4D }) => {
    const { loss, gradients, auxiliary } = differentiate(parameters, ({ x, scale, offset }) => {
      const { output, ...statistics } = normalise(
        x as Tensor4D,
        scale as Tensor1D,
        offset as Tensor1D,
        epsilon,
      );
      const loss: Scalar = tf.sum(tf.mul(tf.square(output), w));
      return { loss, auxiliary: { output, statistics } };
    });
    const { x, ...shared } = gradients as Record<string, Tensor> & { x: Tensor };
    const { output, statistics } = auxiliary;
    return { outputs: { ...allReduceTree({ loss, shared }), statistics }, own: { output, x } };
  });
  const parameters = {
    x: images(rows.x),
    scale: tf.tensor1d([1, 0.5, -2]),
    offset: tf.tensor1d([0.1, 0, 3]),
  };
  return step(parameters, { w: images(rows.w) });
}

export function read(tree: object): number[][] {
  const found: number[][] = [];
  const walk = (node: object): void => {
    if (node instanceof tf.Tensor) found.push([...node.dataSync()]);
    else Object.values(node).forEach(child => walk(child as object));
  };
  walk(tree);
  return found;
}
