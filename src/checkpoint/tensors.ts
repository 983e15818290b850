/** Between the engine's tensors and the plain arrays of a checkpoint. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensors } from '../engine/gradients.js';
import type { TensorData } from './tensor-data.js';

export function fromEngine(tensors: Tensors): Map<string, TensorData> {
  return new Map(
    Object.entries(tensors).map(([name, tensor]) => [
      name,
      { dtype: 'float32', shape: tensor.shape, values: tensor.dataSync<'float32'>() },
    ]),
  );
}

/** The caller frees the tensors. */
export function toEngine(tensors: ReadonlyMap<string, TensorData>): Tensors {
  return Object.fromEntries(
    [...tensors].map(([name, { dtype, shape, values }]) => [
      name,
      tf.keep(tf.tensor(values, [...shape], dtype)),
    ]),
  );
}
