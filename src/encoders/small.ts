/** `small`: a residual network of a few of ResNet's basic blocks, for patches of 20 to 60 pixels. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor4D } from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { globalAveragePool, relu } from '../engine/ops.js';
import { batchNorm, conv2d } from '../nn/layers.js';
import type { Scope } from '../nn/scope.js';
import type { Encoder, Network } from './encoder.js';
import { paper } from './resnet.js';

export const SmallConfig = z.strictObject({
  name: z.literal('small'),
  /** Channels of each residual block; all but the first halve the resolution. */
  widths: z.array(z.int().min(1)).min(1).max(32).default([16, 32, 64]),
  /** Stride of the stem, a 3 x 3 convolution, 5 x 5 where it halves the resolution. */
  stem: z.union([z.literal(1), z.literal(2)]).default(1),
});

function convBatchNorm(scope: Scope, x: Tensor4D, out: number, kernel: number, stride: number): Tensor4D {
  return batchNorm(scope.at('bn'), conv2d(scope.at('conv'), x, { out, kernel, stride }));
}

function block(scope: Scope, x: Tensor4D, out: number, stride: number): Tensor4D {
  const shortcut =
    stride === 1 && x.shape[3] === out ? x : convBatchNorm(scope.at('shortcut'), x, out, 1, stride);
  const y = relu(convBatchNorm(scope.at('first'), x, out, 3, stride));
  return relu(tf.add(convBatchNorm(scope.at('second'), y, out, 3, 1), shortcut));
}

export function small({ widths, stem }: z.infer<typeof SmallConfig>): Encoder {
  return (scope, images) => {
    let x = relu(convBatchNorm(scope.at('stem'), images, widths[0] ?? 1, stem === 1 ? 3 : 5, stem));
    widths.forEach((width, i) => {
      x = block(scope.at('blocks').at(i), x, width, i === 0 ? 1 : 2);
    });
    return { map: x, pooled: globalAveragePool(x) };
  };
}

/** With its default options. */
export const smallNetwork: Network = {
  encode: small(SmallConfig.parse({ name: 'small' })),
  paper,
  weights: [],
};
