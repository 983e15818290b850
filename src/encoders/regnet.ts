/** RegNetY (the paper's table 5 and appendix); variables bear timm's names. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor4D } from '@tensorflow/tfjs-core';
import { globalAveragePool, relu } from '../engine/ops.js';
import type { ConvolutionOptions } from '../nn/layers.js';
import { batchNorm, conv2d } from '../nn/layers.js';
import type { Scope } from '../nn/scope.js';
import type { Encoder, Network, Paper } from './encoder.js';
import { squeezeExcite } from './squeeze-excite.js';
import { authors, timm, torchvision } from './weights.js';

const paper: Paper = {
  citation: 'Radosavovic et al., Designing Network Design Spaces, CVPR 2020',
  arxiv: '2003.13678',
};

interface Architecture {
  /** Blocks and channels of the four stages. */
  readonly depths: readonly number[];
  readonly widths: readonly number[];
  /** Channels of a group of the 3 x 3 convolutions. */
  readonly group: number;
}

const stem = 32;

function convBatchNorm(scope: Scope, x: Tensor4D, options: ConvolutionOptions): Tensor4D {
  return batchNorm(scope.at('bn'), conv2d(scope.at('conv'), x, options));
}

/** Bottleneck whose middle is a grouped convolution with squeeze and excitation; what is squeezed to is a quarter of the input. */
function block(scope: Scope, x: Tensor4D, out: number, stride: number, group: number): Tensor4D {
  const [, , , input] = x.shape;
  let y = relu(convBatchNorm(scope.at('conv1'), x, { out, kernel: 1 }));
  y = relu(convBatchNorm(scope.at('conv2'), y, { out, kernel: 3, stride, groups: out / group }));
  const excitation = {
    reduced: Math.round(input / 4),
    activation: relu<Tensor4D>,
    gate: tf.sigmoid<Tensor4D>,
  };
  y = squeezeExcite(scope.at('se'), y, excitation, ['fc1', 'fc2']);
  y = convBatchNorm(scope.at('conv3'), y, { out, kernel: 1 });
  const same = stride === 1 && input === out;
  const shortcut = same ? x : convBatchNorm(scope.at('downsample'), x, { out, kernel: 1, stride });
  return relu(tf.add(y, shortcut));
}

function regnet({ depths, widths, group }: Architecture): Encoder {
  return (scope, images) => {
    let x = relu(convBatchNorm(scope.at('stem'), images, { out: stem, kernel: 3, stride: 2 }));
    widths.forEach((width, stage) => {
      for (let i = 1; i <= (depths[stage] ?? 0); i++) {
        x = block(scope.at(`s${stage + 1}`).at(`b${i}`), x, width, i === 1 ? 2 : 1, group);
      }
    });
    return { map: x, pooled: globalAveragePool(x) };
  };
}

export const regnets = {
  regnety_600m: {
    encode: regnet({ depths: [1, 3, 7, 4], widths: [48, 112, 256, 608], group: 16 }),
    paper,
    weights: [timm('regnety_006.pycls_in1k', {}, 'MIT'), authors('RegNet-Y-600MF, 96x96, T = 5')],
  },
  regnety_800m: {
    encode: regnet({ depths: [1, 3, 8, 2], widths: [64, 128, 320, 768], group: 16 }),
    paper,
    weights: [timm('regnety_008.pycls_in1k', {}, 'MIT'), authors('RegNet-Y-800MF, 96x96, T = 5')],
  },
  'regnety_1.6g': {
    encode: regnet({ depths: [2, 6, 17, 2], widths: [48, 120, 336, 888], group: 24 }),
    paper,
    weights: [
      timm('regnety_016.pycls_in1k', {}, 'MIT'),
      timm('regnety_016.tv2_in1k', { resize: 232 }, 'BSD-3-Clause'),
      torchvision('RegNet_Y_1_6GF_Weights.IMAGENET1K_V1'),
      torchvision('RegNet_Y_1_6GF_Weights.IMAGENET1K_V2', { resize: 232 }),
      authors('RegNet-Y-1.6GF, 96x96, T = 5'),
    ],
  },
} satisfies Record<string, Network>;
