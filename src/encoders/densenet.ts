/** DenseNet with bottlenecks and compression 1/2; variables bear torchvision's names. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor4D } from '@tensorflow/tfjs-core';
import { averagePool, globalAveragePool, maxPool, relu } from '../engine/ops.js';
import { batchNorm, conv2d } from '../nn/layers.js';
import type { Scope } from '../nn/scope.js';
import type { Encoder, Network, Paper } from './encoder.js';
import { authors, torchvision } from './weights.js';

const paper: Paper = {
  citation: 'Huang et al., Densely Connected Convolutional Networks, CVPR 2017',
  arxiv: '1608.06993',
};

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

/** `depths`: layers of each of the four dense blocks. */
function densenet(...depths: readonly [number, number, number, number]): Encoder {
  return (scope, images) => {
    const features = scope.at('features');
    const stem = conv2d(features.at('conv0'), images, { out: 2 * growth, kernel: 7, stride: 2 });
    let x = maxPool(relu(batchNorm(features.at('norm0'), stem)), 3, 2, 1);
    depths.forEach((depth, b) => {
      if (b > 0) x = transition(features.at(`transition${b}`), x);
      for (let i = 1; i <= depth; i++)
        x = denseLayer(features.at(`denseblock${b + 1}`).at(`denselayer${i}`), x);
    });
    const map = relu(batchNorm(features.at('norm5'), x));
    return { map, pooled: globalAveragePool(map) };
  };
}

/** Halved twice upwards, by stem and pool, then three times downwards, by the transitions, it leaves one pixel. */
const leastSide = 29;

export const densenets = {
  densenet121: {
    encode: densenet(6, 12, 24, 16),
    leastSide,
    paper,
    weights: [torchvision('DenseNet121_Weights.IMAGENET1K_V1'), authors('DenseNet-121, 96x96, T = 5')],
  },
  densenet169: {
    encode: densenet(6, 12, 32, 32),
    leastSide,
    paper,
    weights: [torchvision('DenseNet169_Weights.IMAGENET1K_V1'), authors('DenseNet-169, 96x96, T = 5')],
  },
  densenet201: {
    encode: densenet(6, 12, 48, 32),
    leastSide,
    paper,
    weights: [torchvision('DenseNet201_Weights.IMAGENET1K_V1'), authors('DenseNet-201, 96x96, T = 5')],
  },
} satisfies Record<string, Network>;
