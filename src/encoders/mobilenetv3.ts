/** MobileNetV3 (the paper's tables 1 and 2), in timm's form and names, which are the reference's. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor4D } from '@tensorflow/tfjs-core';
import { hardSigmoid, hardSwish, relu } from '../engine/ops.js';
import { batchNorm, conv2d, pytorch } from '../nn/layers.js';
import type { Encoder, Network, Paper } from './encoder.js';
import { depthwiseSeparable, invertedResidual, makeDivisible } from './inverted-residual.js';
import type { BlockOptions } from './inverted-residual.js';
import { authors, timm, torchvision } from './weights.js';

const paper: Paper = {
  citation: 'Howard et al., Searching for MobileNetV3, ICCV 2019',
  arxiv: '1905.02244',
};

/** A row of the paper's tables, repeated; `stride` is that of the first. */
interface Row {
  readonly repeat: number;
  readonly kernel: 3 | 5;
  readonly stride: 1 | 2;
  /** Channels of the expansion over those of the input; without it there is no expansion. */
  readonly expand?: number;
  readonly out: number;
  readonly excited: boolean;
  readonly activation: 'relu' | 'hardSwish';
}

const row = (
  repeat: number,
  kernel: 3 | 5,
  stride: 1 | 2,
  expand: number | undefined,
  out: number,
  excited: boolean,
  activation: Row['activation'],
): Row => ({ repeat, kernel, stride, ...(expand !== undefined && { expand }), out, excited, activation });

/** Stages, each of one or more rows. */
const large: readonly (readonly Row[])[] = [
  [row(1, 3, 1, undefined, 16, false, 'relu')],
  [row(1, 3, 2, 4, 24, false, 'relu'), row(1, 3, 1, 3, 24, false, 'relu')],
  [row(3, 5, 2, 3, 40, true, 'relu')],
  [
    row(1, 3, 2, 6, 80, false, 'hardSwish'),
    row(1, 3, 1, 2.5, 80, false, 'hardSwish'),
    row(2, 3, 1, 2.3, 80, false, 'hardSwish'),
  ],
  [row(2, 3, 1, 6, 112, true, 'hardSwish')],
  [row(3, 5, 2, 6, 160, true, 'hardSwish')],
];

const small: readonly (readonly Row[])[] = [
  [row(1, 3, 2, undefined, 16, true, 'relu')],
  [row(1, 3, 2, 4.5, 24, false, 'relu'), row(1, 3, 1, 3.67, 24, false, 'relu')],
  [row(1, 5, 2, 4, 40, true, 'hardSwish'), row(2, 5, 1, 6, 40, true, 'hardSwish')],
  [row(2, 5, 1, 3, 48, true, 'hardSwish')],
  [row(3, 5, 2, 6, 96, true, 'hardSwish')],
];

interface Architecture {
  readonly stages: readonly (readonly Row[])[];
  /** Channels of the last map, before the multiplier. */
  readonly last: number;
  /** Width of the pooled feature. */
  readonly features: number;
  /** Of all channels but the pooled feature's. */
  readonly multiplier: number;
}

const stem = 16;

function mobilenetv3({ stages, last, features, multiplier }: Architecture): Encoder {
  const channels = (width: number): number => makeDivisible(multiplier * width);
  return (scope, images) => {
    let x = conv2d(scope.at('conv_stem'), images, { out: channels(stem), kernel: 3, stride: 2 });
    x = hardSwish(batchNorm(scope.at('bn1'), x));
    stages.forEach((rows, stage) => {
      rows
        .flatMap(row =>
          Array.from({ length: row.repeat }, (_, i) => ({ ...row, stride: i ? 1 : row.stride })),
        )
        .forEach((row, i) => {
          const block = scope.at('blocks').at(stage).at(i);
          const options = blockOptions(row, x.shape[3], channels(row.out));
          x =
            row.expand === undefined
              ? depthwiseSeparable(block, x, options)
              : invertedResidual(block, x, options);
        });
    });
    const end = scope.at('blocks').at(stages.length).at(0);
    const map = hardSwish(
      batchNorm(end.at('bn1'), conv2d(end.at('conv'), x, { out: channels(last), kernel: 1 })),
    );
    // The head's convolution comes after pooling, and has no batch norm.
    const means = tf.mean<Tensor4D>(map, [1, 2], true); // [n, 1, 1, c]
    const pooled = hardSwish(conv2d(scope.at('conv_head'), means, { out: features, kernel: 1, bias: true }));
    return { map, pooled: tf.reshape<tf.Rank.R2>(pooled, [-1, features]) };
  };
}

function blockOptions(
  { kernel, stride, expand = 1, excited, activation }: Row,
  width: number,
  out: number,
): BlockOptions {
  const expanded = expand === 1 ? width : makeDivisible(expand * width);
  return {
    expanded,
    out,
    kernel,
    stride,
    activation: activation === 'relu' ? relu : hardSwish,
    excitation: excited
      ? { reduced: makeDivisible(expanded / 4), activation: relu, gate: hardSigmoid }
      : undefined,
    convention: pytorch,
  };
}

export const mobilenets = {
  mobilenetv3_large_100: {
    encode: mobilenetv3({ stages: large, last: 960, features: 1280, multiplier: 1 }),
    paper,
    weights: [
      timm('mobilenetv3_large_100.ra_in1k'),
      timm('mobilenetv3_large_100.ra4_e3600_r224_in1k', {
        mean: [0.5, 0.5, 0.5],
        std: [0.5, 0.5, 0.5],
        resize: 235,
      }),
      timm('mobilenetv3_large_100.miil_in21k_ft_in1k', {
        mean: [0, 0, 0],
        std: [1, 1, 1],
        interpolation: 'bilinear',
      }),
      torchvision('MobileNet_V3_Large_Weights.IMAGENET1K_V1'),
      torchvision('MobileNet_V3_Large_Weights.IMAGENET1K_V2', { resize: 232 }),
      authors('MobileNet-V3-Large (1.00), 96x96, T = 3'),
      authors('MobileNet-V3-Large (1.00), 128x128, T = 3'),
    ],
  },
  mobilenetv3_large_125: {
    encode: mobilenetv3({ stages: large, last: 960, features: 1280, multiplier: 1.25 }),
    paper,
    weights: [authors('MobileNet-V3-Large (1.25), 128x128, T = 3')],
  },
  mobilenetv3_small_100: {
    encode: mobilenetv3({ stages: small, last: 576, features: 1024, multiplier: 1 }),
    paper,
    weights: [
      timm('mobilenetv3_small_100.lamb_in1k'),
      torchvision('MobileNet_V3_Small_Weights.IMAGENET1K_V1'),
    ],
  },
} satisfies Record<string, Network>;
