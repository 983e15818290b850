/** EfficientNet (Tan and Le 2019, table 1, scaled by compound coefficients), in timm's form and names, which are the reference's. */
import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { globalAveragePool, swish } from '../engine/ops.js';
import { batchNorm, conv2d } from '../nn/layers.js';
import type { Encoder } from './encoder.js';
import type { BlockOptions } from './inverted-residual.js';
import { depthwiseSeparable, invertedResidual, makeDivisible } from './inverted-residual.js';

/** Factors of B0's channels and of the blocks of each stage. */
interface Scale {
  readonly width: number;
  readonly depth: number;
}

const scales = {
  efficientnet_b0: { width: 1, depth: 1 },
  efficientnet_b2: { width: 1.1, depth: 1.2 },
  efficientnet_b3: { width: 1.2, depth: 1.4 },
} as const satisfies Record<string, Scale>;

export const EfficientNetConfig = z.strictObject({
  name: z.enum(Object.keys(scales) as (keyof typeof scales)[]),
});

/** B0's stages; the first has no expansion. */
const stages = [
  { repeat: 1, kernel: 3, stride: 1, expand: 1, out: 16 },
  { repeat: 2, kernel: 3, stride: 2, expand: 6, out: 24 },
  { repeat: 2, kernel: 5, stride: 2, expand: 6, out: 40 },
  { repeat: 3, kernel: 3, stride: 2, expand: 6, out: 80 },
  { repeat: 3, kernel: 5, stride: 1, expand: 6, out: 112 },
  { repeat: 4, kernel: 5, stride: 2, expand: 6, out: 192 },
  { repeat: 1, kernel: 3, stride: 1, expand: 6, out: 320 },
] as const;
const stem = 32;
const head = 1280;

export function efficientnet({ name }: z.infer<typeof EfficientNetConfig>): Encoder {
  const { width, depth }: Scale = scales[name];
  const channels = (count: number): number => makeDivisible(width * count);
  return (scope, images) => {
    let x = conv2d(scope.at('conv_stem'), images, { out: channels(stem), kernel: 3, stride: 2 });
    x = swish(batchNorm(scope.at('bn1'), x));
    stages.forEach(({ repeat, kernel, stride, expand, out }, stage) => {
      for (let i = 0; i < Math.ceil(depth * repeat); i++) {
        const [, , , input] = x.shape;
        const options: BlockOptions = {
          expanded: expand * input,
          out: channels(out),
          kernel,
          stride: i === 0 ? stride : 1,
          activation: swish,
          // Squeezed to a quarter of the block's input, not of its expansion.
          excitation: { reduced: makeDivisible(input / 4, 1), activation: swish, gate: tf.sigmoid },
        };
        const block = scope.at('blocks').at(stage).at(i);
        x = expand === 1 ? depthwiseSeparable(block, x, options) : invertedResidual(block, x, options);
      }
    });
    const map = swish(
      batchNorm(scope.at('bn2'), conv2d(scope.at('conv_head'), x, { out: channels(head), kernel: 1 })),
    );
    return { map, pooled: globalAveragePool(map) };
  };
}
