/** DenseNet with bottlenecks and compression 1/2 (Huang et al. 2017, "Densely Connected Convolutional Networks"); names as torchvision's. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor4D } from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { averagePool, globalAveragePool, maxPool, relu } from '../engine/ops.js';
import { batchNorm, conv2d } from '../nn/layers.js';
import type { Scope } from '../nn/scope.js';
import type { Encoder } from './encoder.js';

/** Layers of each of the four dense blocks. */
const depths = {
  densenet121: [6, 12, 24, 16],
  densenet169: [6, 12, 32, 32],
  densenet201: [6, 12, 48, 32],
} as const satisfies Record<string, readonly number[]>;

export const DenseNetConfig = z.strictObject({
  name: z.enum(Object.keys(depths) as (keyof typeof depths)[]),
});

/** Channels that each layer adds. */
const growth = 32;
/** Channels of a layer's bottleneck over those it adds. */
const bottleneck = 4;

/** Batch norm, ReLU, convolution: [n, h, w, in] -> [n, h, w, out]. */
function normConv(scope: Scope, suffix: number | '', x: Tensor4D, out: number, kernel: number): Tensor4D {
  return conv2d(scope.at(`conv${suffix}`), relu(batchNorm(scope.at(`norm${suffix}`), x)), { out, kernel });
}

/** [n, h, w, c] -> [n, h, w, c + growth] */
function denseLayer(scope: Scope, x: Tensor4D): Tensor4D {
  const squeezed = normConv(scope, 1, x, bottleneck * growth, 1);
  return tf.concat([x, normConv(scope, 2, squeezed, growth, 3)], 3);
}

/** [n, h, w, c] -> [n, h / 2, w / 2, c / 2] */
function transition(scope: Scope, x: Tensor4D): Tensor4D {
  return averagePool(normConv(scope, '', x, Math.floor(x.shape[3] / 2), 1), 2);
}

export function densenet({ name }: z.infer<typeof DenseNetConfig>): Encoder {
  const blocks: readonly number[] = depths[name];
  return (scope, images) => {
    const features = scope.at('features');
    const stem = conv2d(features.at('conv0'), images, { out: 2 * growth, kernel: 7, stride: 2 });
    let x = maxPool(relu(batchNorm(features.at('norm0'), stem)), 3, 2, 1);
    blocks.forEach((depth, b) => {
      if (b > 0) x = transition(features.at(`transition${b}`), x);
      for (let i = 1; i <= depth; i++)
        x = denseLayer(features.at(`denseblock${b + 1}`).at(`denselayer${i}`), x);
    });
    const map = relu(batchNorm(features.at('norm5'), x));
    return { map, pooled: globalAveragePool(map) };
  };
}
