/** Layers as plain functions: a scope for their parameters, tensors in, tensors out. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs-core';
import { batchNormJoint } from '../engine/joint-batch-norm.js';
import * as ops from '../engine/ops.js';
import { heNormal, ones, uniformOver, zeros } from './initialisers.js';
import type { Scope } from './scope.js';

/** In what the networks of PyTorch and of TensorFlow differ. */
export interface Convention {
  /** Zeros around an image: half the filter's side everywhere, or TensorFlow's `SAME`, which at stride 2 has fewer before than after. */
  readonly padding: 'half' | 'same';
  /** The floor of batch norm's variance. */
  readonly epsilon: number;
}

export const pytorch: Convention = { padding: 'half', epsilon: 1e-5 };
export const tensorflow: Convention = { padding: 'same', epsilon: 1e-3 };

interface WindowOptions {
  /** Side of the filter. */
  readonly kernel: number;
  readonly stride?: number;
  readonly padding?: Convention['padding'];
}

export interface ConvolutionOptions extends WindowOptions {
  /** Channels. */
  readonly out: number;
  /** Parts that the channels are divided into, each convolved by itself; 1 when absent. */
  readonly groups?: number;
  /** Whether an offset is learned for each channel. */
  readonly bias?: boolean;
}

/** Convolution: [n, h, w, in] -> [n, h / stride, w / stride, out]. */
export function conv2d(
  scope: Scope,
  x: Tensor4D,
  { out, kernel, stride = 1, padding, groups = 1, bias = false }: ConvolutionOptions,
): Tensor4D {
  const channels = x.shape[3] / groups;
  const filter = scope.parameter<Tensor4D>('weight', [kernel, kernel, channels, out], heNormal);
  const y = ops.conv2d(x, filter, stride, around(kernel, padding));
  const [, height, width] = y.shape;
  const kind = groups === 1 ? 'convolution' : 'grouped convolution';
  scope.count(kind, height * width * kernel * kernel * channels * out);
  return bias ? tf.add(y, scope.parameter<Tensor1D>('bias', [out], zeros)) : y;
}

/** Convolution of each channel by itself, without bias: [n, h, w, c] -> [n, h / stride, w / stride, c]. */
export function depthwiseConv2d(
  scope: Scope,
  x: Tensor4D,
  { kernel, stride = 1, padding }: WindowOptions,
): Tensor4D {
  const [, , , channels] = x.shape;
  const filter = scope.parameter<Tensor4D>('weight', [kernel, kernel, channels, 1], heNormal);
  const y = ops.depthwiseConv2d(x, filter, stride, around(kernel, padding));
  const [, height, width] = y.shape;
  scope.count('depthwise convolution', height * width * kernel * kernel * channels);
  return y;
}

function around(kernel: number, padding = pytorch.padding): ops.Padding {
  return padding === 'half' ? Math.floor(kernel / 2) : padding;
}

/** Share of a batch's statistics in the running ones: PyTorch's default. */
const momentum = 0.1;

/** Batch normalisation over [n, h, w] of [n, h, w, c]. */
export function batchNorm(scope: Scope, x: Tensor4D, epsilon = pytorch.epsilon): Tensor4D {
  const [, , , channels] = x.shape;
  const scale = scope.parameter<Tensor1D>('weight', [channels], ones);
  const offset = scope.parameter<Tensor1D>('bias', [channels], zeros);
  const mean = scope.statistic<Tensor1D>('running_mean', [channels], 0);
  const variance = scope.statistic<Tensor1D>('running_var', [channels], 1);
  if (!scope.training) return tf.batchNorm(x, mean, variance, offset, scale, epsilon);
  const normalise = scope.jointly ? batchNormJoint : ops.batchNormTraining;
  const { output, batchMean, batchVariance } = normalise(x, scale, offset, epsilon);
  scope.update('running_mean', tf.add(tf.mul(mean, 1 - momentum), tf.mul(batchMean, momentum)));
  scope.update('running_var', tf.add(tf.mul(variance, 1 - momentum), tf.mul(batchVariance, momentum)));
  return output;
}

/** x W + b: [n, in] -> [n, out]. */
export function linear(scope: Scope, x: Tensor2D, out: number): Tensor2D {
  const [, width] = x.shape;
  const weight = scope.parameter<Tensor2D>('weight', [width, out], uniformOver(width));
  const bias = scope.parameter<Tensor1D>('bias', [out], uniformOver(width));
  scope.count('linear', width * out);
  return tf.add(tf.matMul(x, weight), bias);
}

/**
 * Gated recurrent unit, reset after the product as in PyTorch's GRU (gates in the order reset, update, new).
 * @param x [n, in]
 * @param hidden [n, size]
 * @returns [n, size]
 */
export function gru(scope: Scope, x: Tensor2D, hidden: Tensor2D): Tensor2D {
  const [, width] = x.shape;
  const [, size] = hidden.shape;
  const initial = uniformOver(size);
  const project = (from: Tensor2D, fan: number, name: string): Tensor2D[] => {
    const weight = scope.parameter<Tensor2D>(`weight_${name}`, [fan, 3 * size], initial);
    const bias = scope.parameter<Tensor1D>(`bias_${name}`, [3 * size], initial);
    return tf.split(tf.add(tf.matMul(from, weight), bias), 3, 1); // 3 x [n, size]
  };
  const [resetX, updateX, newX] = project(x, width, 'ih') as [Tensor2D, Tensor2D, Tensor2D];
  const [resetH, updateH, newH] = project(hidden, size, 'hh') as [Tensor2D, Tensor2D, Tensor2D];
  scope.count('gru', (width + size) * 3 * size);
  const reset = tf.sigmoid(tf.add(resetX, resetH));
  const update = tf.sigmoid(tf.add(updateX, updateH));
  const candidate = tf.tanh(tf.add(newX, tf.mul(reset, newH)));
  return tf.add(candidate, tf.mul(update, tf.sub(hidden, candidate)));
}
