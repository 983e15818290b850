/** Reads PyTorch's fixtures as tensors, images and filters brought to TensorFlow's layout. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';
import { decodeSafetensors } from '../../src/checkpoint/safetensors.js';

export interface Fixture {
  tensor<T extends tf.Tensor>(name: string): T;
  /** [n, c, h, w] -> [n, h, w, c] */
  image(name: string): tf.Tensor4D;
  /** [out, in, k, k] -> [k, k, in, out] */
  filter(name: string): tf.Tensor4D;
  /** [out, in] -> [in, out] */
  matrix(name: string): tf.Tensor2D;
  readonly names: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
}

export function fixture(name: string): Fixture {
  const path = join(import.meta.dirname, '..', 'fixtures', 'pytorch', `${name}.safetensors`);
  const { tensors, metadata } = decodeSafetensors(readFileSync(path));
  const tensor = <T extends tf.Tensor>(key: string): T => {
    const data = tensors.get(key);
    if (!data) throw new RangeError(`${name} has no ${key}`);
    return tf.tensor(data.values, [...data.shape], data.dtype) as unknown as T;
  };
  return {
    tensor,
    image: key => tf.transpose(tensor<tf.Tensor4D>(key), [0, 2, 3, 1]),
    filter: key => tf.transpose(tensor<tf.Tensor4D>(key), [2, 3, 1, 0]),
    matrix: key => tf.transpose(tensor<tf.Tensor2D>(key)),
    names: [...tensors.keys()],
    metadata: metadata,
  };
}

/** Every element within `tolerance`, relative to the expected values' scale. */
export function expectClose(actual: tf.Tensor, expected: tf.Tensor, tolerance = 1e-5): void {
  expect(actual.shape).toEqual(expected.shape);
  const [a, b] = [actual.dataSync(), expected.dataSync()];
  const scale = Math.max(1e-6, ...b.map(Math.abs));
  const worst = Math.max(...a.map((value, i) => Math.abs(value - (b[i] ?? NaN))));
  expect(worst / scale).toBeLessThan(tolerance);
}
