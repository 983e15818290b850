/** Optimizers as pure functions of tensors: parameters, gradients and state in, new parameters and state out; PyTorch's formulas. */
import * as tf from '@tensorflow/tfjs-core';
import type { Scalar, Tensor } from '@tensorflow/tfjs-core';
import type { Tensors } from '../src/engine/gradients.js';
import * as ops from '../src/engine/ops.js';

export function mapValues<T>(
  record: Readonly<Record<string, T>>,
  f: (name: string, value: T) => Tensor,
): Tensors {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, f(name, value)]));
}

function at(tensors: Tensors, name: string): Tensor {
  const tensor = tensors[name];
  if (!tensor) throw new RangeError(`no tensor ${name}`);
  return tensor;
}

/**
 * All gradients made smaller by one factor where their joint norm is above `maxNorm`, as `clip_grad_norm_` does; with the norm before.
 * Without `maxNorm` they stay as they are.
 */
export function clipped(
  gradients: Tensors,
  maxNorm: number | undefined,
): { gradients: Tensors; norm: { readonly gradientNorm?: Scalar } } {
  if (maxNorm === undefined) return { gradients, norm: {} };
  // Sums round by their order, which must not be that of a checkpoint.
  const names = Object.keys(gradients).sort();
  const squares = names.map(name => tf.sum(tf.square(at(gradients, name))));
  const gradientNorm = tf.sqrt<Scalar>(tf.addN(squares as Scalar[]));
  const factor = tf.minimum(tf.div(maxNorm, tf.add(gradientNorm, 1e-6)), 1);
  return {
    gradients: mapValues(gradients, (_, gradient) => tf.mul(gradient, factor)),
    norm: { gradientNorm },
  };
}

/** Exponential moving average: each goes the part `share` (1 - decay) of its way to `values`. */
export function average(averages: Tensors, values: Tensors, share: Scalar): Tensors {
  return mapValues(averages, (name, mean) => tf.add(mean, tf.mul(tf.sub(at(values, name), mean), share)));
}

/** Zeros in the shape of each parameter; kept, so the caller frees them. */
export function zerosLikeAll(parameters: Tensors): Tensors {
  return mapValues(parameters, (_, parameter) => tf.keep(tf.zerosLike(parameter)));
}

export interface SgdOptions {
  readonly momentum: number;
  readonly weightDecay: number;
  /** The learning rate of a parameter. */
  readonly rate: (name: string) => Scalar;
}

/** SGD with Nesterov momentum of each parameter, as `nesterov` of the engine. */
export function nesterov(
  parameters: Tensors,
  gradients: Tensors,
  velocity: Tensors,
  { rate, ...options }: SgdOptions,
): { parameters: Tensors; velocity: Tensors } {
  const next: Record<string, Tensor> = {};
  const speeds = mapValues(gradients, (name, gradient) => {
    const parameter = at(parameters, name);
    const step = ops.nesterov(parameter, gradient, at(velocity, name), { ...options, rate: rate(name) });
    next[name] = step.parameter;
    return step.velocity;
  });
  return { parameters: next, velocity: speeds };
}

export interface AdamState {
  readonly mean: Tensors;
  readonly square: Tensors;
  /** Updates made so far. */
  readonly count: Scalar;
}

export interface AdamOptions {
  readonly rate: Scalar;
  readonly betas: readonly [number, number];
  readonly epsilon: number;
}

/** Adam (Kingma and Ba 2015) with bias correction. */
export function adam(
  parameters: Tensors,
  gradients: Tensors,
  state: AdamState,
  { rate, betas: [beta1, beta2], epsilon }: AdamOptions,
): { parameters: Tensors; state: AdamState } {
  const count: Scalar = tf.add(state.count, 1);
  const correction = (beta: number): Scalar => tf.sub(1, tf.pow(tf.scalar(beta), count));
  const [correction1, correction2] = [correction(beta1), correction(beta2)];
  const mean = mapValues(gradients, (name, gradient) =>
    tf.add(tf.mul(at(state.mean, name), beta1), tf.mul(gradient, 1 - beta1)),
  );
  const square = mapValues(gradients, (name, gradient) =>
    tf.add(tf.mul(at(state.square, name), beta2), tf.mul(tf.square(gradient), 1 - beta2)),
  );
  return {
    state: { mean, square, count },
    parameters: mapValues(parameters, (name, parameter) => {
      const scale = tf.add(tf.sqrt(tf.div(at(square, name), correction2)), epsilon);
      return tf.sub(parameter, tf.mul(tf.div(tf.div(at(mean, name), correction1), scale), rate));
    }),
  };
}
