/** ResNet, the stride in the 3 x 3 convolution as in torchvision's; variables bear its names. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor4D } from '@tensorflow/tfjs-core';
import { globalAveragePool, maxPool, relu } from '../engine/ops.js';
import { batchNorm, conv2d } from '../nn/layers.js';
import type { Scope } from '../nn/scope.js';
import type { Encoder, Network, Paper } from './encoder.js';
import { authors, torchvision } from './weights.js';

export const paper: Paper = {
  citation: 'He et al., Deep Residual Learning for Image Recognition, CVPR 2016',
  arxiv: '1512.03385',
};

interface Architecture {
  readonly block: Block;
  /** Blocks of each of the four layers. */
  readonly depths: readonly number[];
}

type Block = (scope: Scope, x: Tensor4D, width: number, stride: number) => Tensor4D;

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

function resnet({ block, depths }: Architecture): Encoder {
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

export const resnets = {
  resnet18: {
    encode: resnet({ block: basic, depths: [2, 2, 2, 2] }),
    paper,
    weights: [torchvision('ResNet18_Weights.IMAGENET1K_V1')],
  },
  resnet34: {
    encode: resnet({ block: basic, depths: [3, 4, 6, 3] }),
    paper,
    weights: [torchvision('ResNet34_Weights.IMAGENET1K_V1')],
  },
  resnet50: {
    encode: resnet({ block: bottleneck, depths: [3, 4, 6, 3] }),
    paper,
    weights: [
      torchvision('ResNet50_Weights.IMAGENET1K_V1'),
      torchvision('ResNet50_Weights.IMAGENET1K_V2', { resize: 232 }),
      authors('ResNet-50, 96x96, T = 5'),
      authors('ResNet-50, 128x128, T = 5'),
    ],
  },
} satisfies Record<string, Network>;
