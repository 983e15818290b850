/**
 * Blocks of mobile networks: inverted residuals with squeeze and excitation (Sandler et al. 2018; Howard et al. 2019; Tan and Le
 * 2019). Names as timm's and the reference's.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor4D } from '@tensorflow/tfjs-core';
import type { Convention } from '../nn/layers.js';
import { batchNorm, conv2d, depthwiseConv2d } from '../nn/layers.js';
import type { Scope } from '../nn/scope.js';
import type { Activation, Excitation } from './squeeze-excite.js';
import { squeezeExcite } from './squeeze-excite.js';

export interface BlockOptions {
  /** Channels between the first and the last convolution; a block without a first one (depthwise separable) keeps the input's. */
  readonly expanded: number;
  readonly out: number;
  /** Side of the depthwise filter. */
  readonly kernel: number;
  readonly stride: 1 | 2;
  readonly activation: Activation;
  readonly excitation?: Excitation | undefined;
  readonly convention: Convention;
}

/** The nearest multiple of `divisor`, never less than nine tenths of `channels`. */
export function makeDivisible(channels: number, divisor = 8): number {
  const rounded = Math.max(divisor, Math.floor((channels + divisor / 2) / divisor) * divisor);
  return rounded < 0.9 * channels ? rounded + divisor : rounded;
}

function depthwise(scope: Scope, norm: string, x: Tensor4D, options: BlockOptions): Tensor4D {
  const { kernel, stride, activation, excitation, convention } = options;
  const { padding, epsilon } = convention;
  const filtered = depthwiseConv2d(scope.at('conv_dw'), x, { kernel, stride, padding });
  const y = activation(batchNorm(scope.at(norm), filtered, epsilon));
  return excitation ? squeezeExcite(scope.at('se'), y, excitation, ['conv_reduce', 'conv_expand']) : y;
}

/** The input is added where the block keeps its shape. */
function residual(x: Tensor4D, y: Tensor4D, stride: number): Tensor4D {
  return stride === 1 && x.shape[3] === y.shape[3] ? tf.add(x, y) : y;
}

/** Depthwise, then pointwise without an activation. */
export function depthwiseSeparable(scope: Scope, x: Tensor4D, options: BlockOptions): Tensor4D {
  const y = depthwise(scope, 'bn1', x, options);
  const projected = conv2d(scope.at('conv_pw'), y, { out: options.out, kernel: 1 });
  return residual(x, batchNorm(scope.at('bn2'), projected, options.convention.epsilon), options.stride);
}

/** Pointwise to more channels, depthwise, pointwise to fewer without an activation. */
export function invertedResidual(scope: Scope, x: Tensor4D, options: BlockOptions): Tensor4D {
  const { expanded, out, stride, activation, convention } = options;
  const normalise = (norm: string, y: Tensor4D): Tensor4D => batchNorm(scope.at(norm), y, convention.epsilon);
  const wide = activation(normalise('bn1', conv2d(scope.at('conv_pw'), x, { out: expanded, kernel: 1 })));
  const y = depthwise(scope, 'bn2', wide, options);
  return residual(x, normalise('bn3', conv2d(scope.at('conv_pwl'), y, { out, kernel: 1 })), stride);
}
