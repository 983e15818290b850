/** A small GFNet whose answers and actions differ from image to image. */
import type { Tensor, Tensor4D } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { scaled } from '../../src/data/conform.js';
import type { Tensors } from '../../src/engine/gradients.js';
import { ModelConfig } from '../../src/model/config.js';
import type { Costs } from '../../src/model/gfnet.js';
import { GFNet } from '../../src/model/gfnet.js';
import type { Variables } from '../../src/nn/scope.js';
import { stream, uniform } from '../../src/random/index.js';
import { normals } from './array.js';

export const classifiers = ['gru', 'gru, glance by the encoder', 'cascade'] as const;

const basis = {
  patch: 8,
  steps: 3,
  encoder: { name: 'small', widths: [3, 5] },
  policy: { hidden: 6 },
  side: 17,
  channels: 1,
  classes: ['a', 'b', 'c', 'd'],
};

export function smallConfig(
  classifier: (typeof classifiers)[number],
  options: Partial<Record<keyof ModelConfig, unknown>> = {},
): ModelConfig {
  const gru = { kind: 'gru', hidden: 7 };
  const kinds = {
    gru,
    'gru, glance by the encoder': { ...gru, glance: 'encoder' },
    cascade: { kind: 'cascade' },
  };
  return ModelConfig.parse({ ...basis, classifier: kinds[classifier], ...options });
}

/** Batch norm with statistics as after training, and answers and actions spread by larger weights. */
export function lively(variables: Variables): Variables {
  const change = (tensors: Tensors, f: (name: string, tensor: Tensor) => Tensor): Tensors =>
    Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, f(name, tensor)]));
  return {
    parameters: change(variables.parameters, (name, tensor) =>
      /^(classifier|policy)|head\.weight$/.test(name) ? tf.mul(tensor, 4) : tensor,
    ),
    statistics: change(variables.statistics, (name, { shape }) => {
      const values = normals(name, shape);
      return (
        name.endsWith('mean') ? values.map(x => x / 10) : values.map(x => Math.fround(0.5 + x * x))
      ).tensor();
    }),
  };
}

export function smallNetwork(config: ModelConfig): { gfnet: GFNet; variables: Variables; costs: Costs } {
  const gfnet = new GFNet(config);
  const { variables, costs } = gfnet.initialise(stream(5, 'network'));
  return { gfnet, variables: lively(variables), costs };
}

/** Bytes of noise. */
export function noiseBytes(count: number): Uint8Array {
  return Uint8Array.from(uniform(stream(0, 'noise'), count), value => 256 * value);
}

/** `n` images of noise: bytes, and as values in [0, 1]. */
export function noise(
  { side, channels }: ModelConfig,
  n: number,
): { pixels: Uint8Array; values: Float32Array; images: Tensor4D } {
  const pixels = noiseBytes(n * side * side * channels);
  const values = scaled(pixels);
  return { pixels, values, images: tf.tensor4d(values, [n, side, side, channels]) };
}
