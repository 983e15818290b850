/** ResNet (He et al. 2016, "Deep Residual Learning for Image Recognition"), the stride in the 3 x 3 convolution as in torchvision's. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor4D } from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { globalAveragePool, maxPool, relu } from '../engine/ops.js';
import { batchNorm, conv2d } from '../nn/layers.js';
import type { Scope } from '../nn/scope.js';
import type { Encoder } from './encoder.js';

interface Architecture {
  readonly block: Block;
  /** Blocks of each of the four layers. */
  readonly depths: readonly number[];
}

type Block = (scope: Scope, x: Tensor4D, width: number, stride: number) => Tensor4D;

const architectures = {
  resnet18: { block: basic, depths: [2, 2, 2, 2] },
  resnet34: { block: basic, depths: [3, 4, 6, 3] },
  resnet50: { block: bottleneck, depths: [3, 4, 6, 3] },
} as const satisfies Record<string, Architecture>;

export const ResNetConfig = z.strictObject({
  name: z.enum(Object.keys(architectures) as (keyof typeof architectures)[]),
});

/** Channels of a bottleneck's output over those of its 3 x 3 convolution. */
const expansion = 4;

/** Convolution and batch norm `i` of a block. */
function convBatchNorm(
  scope: Scope,
  i: number,
  x: Tensor4D,
  options: { out: number; kernel: number; stride?: number },
): Tensor4D {
  return batchNorm(scope.at(`bn${i}`), conv2d(scope.at(`conv${i}`), x, options));
}

/** The input itself, or projected where the block changes its shape. */
function shortcut(scope: Scope, x: Tensor4D, out: number, stride: number): Tensor4D {
  if (stride === 1 && x.shape[3] === out) return x;
  const projection = scope.at('downsample');
  return batchNorm(projection.at(1), conv2d(projection.at(0), x, { out, kernel: 1, stride }));
}

function basic(scope: Scope, x: Tensor4D, width: number, stride: number): Tensor4D {
  const y = relu(convBatchNorm(scope, 1, x, { out: width, kernel: 3, stride }));
  return relu(
    tf.add(convBatchNorm(scope, 2, y, { out: width, kernel: 3 }), shortcut(scope, x, width, stride)),
  );
}

function bottleneck(scope: Scope, x: Tensor4D, width: number, stride: number): Tensor4D {
  const out = expansion * width;
  const squeezed = relu(convBatchNorm(scope, 1, x, { out: width, kernel: 1 }));
  const y = relu(convBatchNorm(scope, 2, squeezed, { out: width, kernel: 3, stride }));
  return relu(tf.add(convBatchNorm(scope, 3, y, { out, kernel: 1 }), shortcut(scope, x, out, stride)));
}

export function resnet({ name }: z.infer<typeof ResNetConfig>): Encoder {
  const { block, depths }: Architecture = architectures[name];
  return (scope, images) => {
    let x = relu(convBatchNorm(scope, 1, images, { out: 64, kernel: 7, stride: 2 }));
    x = maxPool(x, 3, 2, 1);
    depths.forEach((depth, layer) => {
      for (let i = 0; i < depth; i++) {
        const stride = i === 0 && layer > 0 ? 2 : 1;
        x = block(scope.at(`layer${layer + 1}`).at(i), x, 64 * 2 ** layer, stride);
      }
    });
    return { map: x, pooled: globalAveragePool(x) };
  };
}
