/** TensorFlow's fused kernels, with their gradients, where tfjs composes slower ones or has none. */
import * as tf from '@tensorflow/tfjs-core';
import type { Scalar, Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs-core';
import type { OpAttribute } from './binding.js';
import { backend, hasKernels } from './start.js';

function call(
  op: string,
  attributes: readonly OpAttribute[],
  inputs: readonly Tensor[],
  outputs: number,
): Tensor[] {
  return backend().executeMultipleOutputs(op, attributes, inputs, outputs);
}

function call1<T extends Tensor>(
  op: string,
  attributes: readonly OpAttribute[],
  inputs: readonly Tensor[],
): T {
  return call(op, attributes, inputs, 1)[0] as T;
}

const string = (name: string, value: string): OpAttribute => ({
  name,
  type: backend().binding.TF_ATTR_STRING,
  value,
});
const float = (name: string, value: number): OpAttribute => ({
  name,
  type: backend().binding.TF_ATTR_FLOAT,
  value,
});
const bool = (name: string, value: boolean): OpAttribute => ({
  name,
  type: backend().binding.TF_ATTR_BOOL,
  value,
});
const integer = (name: string, value: number): OpAttribute => ({
  name,
  type: backend().binding.TF_ATTR_INT,
  value,
});
const integers = (name: string, value: readonly number[]): OpAttribute => ({
  name,
  type: backend().binding.TF_ATTR_INT,
  value,
});

/** A function of tensors with a gradient of its own; tfjs types neither. */
type Differentiable<A extends Tensor[], T extends Tensor> = (...inputs: A) => T;
export function withGradient<A extends Tensor[], T extends Tensor>(
  f: (
    inputs: A,
    save: (tensors: Tensor[]) => void,
  ) => { value: T; gradient: (dy: T, saved: Tensor[]) => Tensor[] },
): Differentiable<A, T> {
  return tf.customGrad((...args: unknown[]) => {
    const save = args.pop() as (tensors: Tensor[]) => void;
    const { value, gradient } = f(args as A, save);
    return { value, gradFunc: gradient };
  });
}

/** As the kernels of native/kernels.cc number them. */
export const fusedActivations = { none: 0, relu: 1, relu6: 2, hardSwish: 3, swish: 4 } as const;

/** x: [n, h, w, c] -> max(x, 0). */
export const relu = withGradient<[Tensor], Tensor>(([x], save) => {
  const value = tf.relu(x);
  save([value]);
  return { value, gradient: (dy, [y]) => [call1('ReluGrad', [], [dy, y as Tensor])] };
}) as <T extends Tensor>(x: T) => T;

/** x: [n, h, w, c] -> min(max(x, 0), 6). */
export const relu6 = withGradient<[Tensor], Tensor>(([x], save) => {
  const value = tf.relu6(x);
  save([value]);
  return { value, gradient: (dy, [y]) => [call1('Relu6Grad', [], [dy, y as Tensor])] };
}) as <T extends Tensor>(x: T) => T;

/** min(max(x + 3, 0), 6) / 6 (Howard et al. 2019, section 5.2). */
export function hardSigmoid<T extends Tensor>(x: T): T {
  return tf.mul(relu6(tf.add<T>(x, 3)), 1 / 6);
}

/** An activation that TensorFlow has no kernel for. */
function activation(kind: 'hardSwish' | 'swish'): <T extends Tensor>(x: T) => T {
  return withGradient<[Tensor], Tensor>(([x], save) => {
    const attributes = [integer('activation', fusedActivations[kind])];
    save([x]);
    return {
      value: call1('GfnetActivation', attributes, [x]),
      gradient: (dy, [x]) => [
        call1('GfnetActivationGrad', [...attributes, integer('N', 0)], [dy, x as Tensor]),
      ],
    };
  }) as <T extends Tensor>(x: T) => T;
}

const fusedHardSwish = activation('hardSwish');
const fusedSwish = activation('swish');

/** x hardSigmoid(x). */
export function hardSwish<T extends Tensor>(x: T): T {
  return hasKernels() ? fusedHardSwish(x) : tf.mul(x, hardSigmoid(x));
}

/** x sigmoid(x) (Ramachandran et al. 2017). */
export function swish<T extends Tensor>(x: T): T {
  return hasKernels() ? fusedSwish(x) : tf.mul(x, tf.sigmoid(x));
}

/** Zeros around an image: so many pixels at each side, as in PyTorch, or as TensorFlow's `SAME`, which has ceil(h / stride) windows. */
export type Padding = number | 'same';

/**
 * Convolution with zero padding.
 *
 * The convolution itself is given either TensorFlow's `SAME` padding or just the pixels that its windows cover: oneDNN's backward
 * kernels know no explicit padding (TensorFlow would fall back to ones half as fast), and leave the gradient of pixels that no
 * window covers unwritten.
 * @param x [n, h, w, in]
 * @param filter [k, k, in / groups, out]: each group of the output's channels sees the group of the input's at its place
 * @returns [n, (h + 2 padding - k) / stride + 1, ..., out]
 */
export function conv2d(x: Tensor4D, filter: Tensor4D, stride: number, padding: Padding): Tensor4D {
  return convolve('Conv2D', x, filter, stride, padding);
}

/**
 * Convolution of each channel by itself, with zero padding.
 * @param x [n, h, w, c]
 * @param filter [k, k, c, 1]
 * @returns [n, (h + 2 padding - k) / stride + 1, ..., c]
 */
export function depthwiseConv2d(x: Tensor4D, filter: Tensor4D, stride: number, padding: Padding): Tensor4D {
  if (!hasKernels()) return convolve('DepthwiseConv2dNative', x, filter, stride, padding);
  const { sizes, befores } = windows(x, filter, stride, padding);
  const attributes = ([height, width]: readonly number[]): OpAttribute[] => [
    integer('stride', stride),
    integer('top', befores[0]),
    integer('left', befores[1]),
    integer('height', height ?? 0),
    integer('width', width ?? 0),
  ];
  return withGradient<[Tensor4D, Tensor4D], Tensor4D>(([x, filter], save) => {
    save([x, filter]);
    return {
      value: call1('GfnetDepthwise', attributes(sizes), [x, filter]),
      gradient: (dy, [x, filter]) => {
        const [image, weights] = [x as Tensor4D, filter as Tensor4D];
        return [
          call1('GfnetDepthwiseInput', attributes(image.shape.slice(1, 3)), [dy, weights]),
          call1('GfnetDepthwiseFilter', attributes(weights.shape.slice(0, 2)), [image, dy]),
        ];
      },
    };
  })(x, filter);
}

/** How many windows lie along the height and the width of an image, and how many zeros before its first pixel. */
function windows(
  { shape: [, height, width] }: Tensor4D,
  { shape: [rows, columns] }: Tensor4D,
  stride: number,
  padding: Padding,
): { readonly sizes: readonly [number, number]; readonly befores: readonly [number, number] } {
  const count = (side: number, kernel: number): number =>
    padding === 'same' ? Math.ceil(side / stride) : Math.floor((side + 2 * padding - kernel) / stride) + 1;
  const before = (side: number, kernel: number): number =>
    padding === 'same' ? Math.max(0, (count(side, kernel) - 1) * stride + kernel - side) >> 1 : padding;
  return {
    sizes: [count(height, rows), count(width, columns)],
    befores: [before(height, rows), before(width, columns)],
  };
}

function convolve(
  op: 'Conv2D' | 'DepthwiseConv2dNative',
  x: Tensor4D,
  filter: Tensor4D,
  stride: number,
  padding: Padding,
): Tensor4D {
  const [kernel] = filter.shape;
  // TensorFlow lays the odd one of its zeros at the end.
  const asSame = (side: number): boolean => {
    const windows = Math.ceil(side / stride);
    return kernel >= stride && (windows - 1) * stride + kernel - side === 2 * Number(padding);
  };
  const same = padding === 'same' ? kernel >= stride : x.shape.slice(1, 3).every(asSame);
  const attributes = [
    integers('strides', [1, stride, stride, 1]),
    string('padding', same ? 'SAME' : 'VALID'),
  ];
  const sizes = ({ shape }: Tensor4D): Tensor1D => tf.tensor1d(shape, 'int32');
  return withGradient<[Tensor4D, Tensor4D], Tensor4D>(([x, filter], save) => {
    save([x, filter]);
    return {
      value: call1(op, attributes, [x, filter]),
      gradient: (dy, [x, filter]) => {
        const [image, weights] = [x as Tensor4D, filter as Tensor4D];
        return [
          call1(`${op}BackpropInput`, attributes, [sizes(image), weights, dy]),
          op === 'DepthwiseConv2dNative' && kernel > widestDepthwise
            ? byColumns(same ? covered(image, weights, stride, padding) : image, weights, dy, stride)
            : call1(`${op}BackpropFilter`, attributes, [image, sizes(weights), dy]),
        ];
      },
    };
  })(same ? x : covered(x, filter, stride, padding), filter);
}

/** oneDNN's kernel for the gradient of depthwise filters knows no wider ones; the general one takes up to fifty times as long. */
const widestDepthwise = 3;

/**
 * The gradient of a wide depthwise filter, of so many of its columns at a time.
 * @param x as `covered` gives it
 */
function byColumns(x: Tensor4D, filter: Tensor4D, dy: Tensor4D, stride: number): Tensor4D {
  const [rows, columns, channels] = filter.shape;
  const valid = [integers('strides', [1, stride, stride, 1]), string('padding', 'VALID')];
  const parts: Tensor4D[] = [];
  for (let from = 0; from < columns; from += widestDepthwise) {
    const width = Math.min(widestDepthwise, columns - from);
    const seen = tf.slice(x, [0, 0, from, 0], [-1, -1, (dy.shape[2] - 1) * stride + width, -1]);
    const size = tf.tensor1d([rows, width, channels, 1], 'int32');
    parts.push(call1('DepthwiseConv2dNativeBackpropFilter', valid, [seen, size, dy]));
  }
  return tf.concat(parts, 1);
}

/** x with zeros laid before it and after it, or cut off at its end, so that the windows cover it exactly. */
function covered(x: Tensor4D, filter: Tensor4D, stride: number, padding: Padding): Tensor4D {
  const [, height, width, channels] = x.shape;
  const { sizes, befores } = windows(x, filter, stride, padding);
  const [rows, columns] = [
    (sizes[0] - 1) * stride + filter.shape[0],
    (sizes[1] - 1) * stride + filter.shape[1],
  ];
  const [top, left] = befores;
  const bottom = Math.max(0, rows - height - top);
  const right = Math.max(0, columns - width - left);
  const zeros: [number, number][] = [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ];
  const padded = Math.max(top, bottom, left, right) === 0 ? x : tf.pad(x, zeros);
  if (padded.shape[1] === rows && padded.shape[2] === columns) return padded;
  return tf.slice(padded, [0, 0, 0, 0], [-1, rows, columns, channels]);
}

/** x: [n, h, w, c] -> [n, (h + 2 padding - size) / stride + 1, ..., c], the largest of each window. */
export function maxPool(x: Tensor4D, size: number, stride: number, padding: number): Tensor4D {
  const around: [number, number] = [padding, padding];
  const padded = padding === 0 ? x : tf.pad(x, [[0, 0], around, around, [0, 0]], lowest);
  return tf.maxPool(padded, size, stride, 'valid');
}

/** x: [n, h, w, c] -> [n, h / size, w / size, c], the mean of each window; a rest at the ends is left out. */
export function averagePool(x: Tensor4D, size: number): Tensor4D {
  return tf.avgPool(x, size, size, 'valid');
}

/** Below all that a window may hold. */
const lowest = -3.4e38;

export interface BatchNormalised {
  /** [n, h, w, c] */
  readonly output: Tensor4D;
  /** [c] */
  readonly batchMean: Tensor1D;
  /** [c]; with Bessel's correction, as PyTorch's running variance takes it. */
  readonly batchVariance: Tensor1D;
}

/** Batch normalisation with the batch's own statistics (training). */
export function batchNormTraining(
  x: Tensor4D,
  scale: Tensor1D,
  offset: Tensor1D,
  epsilon: number,
): BatchNormalised {
  let statistics: [Tensor1D, Tensor1D] | undefined;
  const output = withGradient<[Tensor4D, Tensor1D, Tensor1D], Tensor4D>(([x, scale, offset], save) => {
    const [y, mean, variance, ...reserved] = call(
      'FusedBatchNormV3',
      [float('epsilon', epsilon), bool('is_training', true)],
      [x, scale, offset, tf.tensor1d([]), tf.tensor1d([])],
      6,
    ) as [Tensor4D, Tensor1D, Tensor1D, Tensor, Tensor, Tensor];
    statistics = [tf.keep(mean), tf.keep(variance)];
    save([x, scale, ...reserved]);
    return {
      value: y,
      gradient: (dy, saved) =>
        call(
          'FusedBatchNormGradV3',
          [float('epsilon', epsilon), bool('is_training', true)],
          [dy, ...saved],
          5,
        ).slice(0, 3),
    };
  })(x, scale, offset);
  const [mean, variance] = statistics as unknown as [Tensor1D, Tensor1D];
  const batch = { batchMean: mean.clone(), batchVariance: variance.clone() };
  tf.dispose([mean, variance]);
  return { output, ...batch };
}

/** x: [n, h, w, c] -> [n, c], the mean over places. */
export function globalAveragePool(x: Tensor4D): Tensor2D {
  return withGradient<[Tensor4D], Tensor2D>(([x]) => {
    const [, height, width] = x.shape;
    return {
      value: tf.mean(x, [1, 2]),
      gradient: dy => {
        const share = tf.div(tf.reshape(dy, [dy.shape[0], 1, 1, dy.shape[1]]), height * width);
        return [call1('BroadcastTo', [], [share, tf.tensor1d(x.shape, 'int32')])];
      },
    };
  })(x);
}

/**
 * Weighted sum of the cross entropies of logits [n, k] against distributions over the classes.
 * @param targets [n, k]; each row sums to 1
 * @param weights [n]; 1 / n gives the mean
 */
export function crossEntropy(logits: Tensor2D, targets: Tensor2D, weights: Tensor1D): Scalar {
  return withGradient<[Tensor2D], Scalar>(([logits], save) => {
    const [losses, gradient] = call('SoftmaxCrossEntropyWithLogits', [], [logits, targets], 2) as [
      Tensor1D,
      Tensor2D,
    ];
    save([gradient, weights]);
    return {
      value: tf.sum(tf.mul(losses, weights)),
      gradient: (dy, [gradient, weights]) => [
        tf.mul(gradient as Tensor2D, tf.mul(dy, tf.reshape(weights as Tensor1D, [-1, 1]))),
      ],
    };
  })(logits);
}

export interface NesterovOptions {
  readonly momentum: number;
  readonly weightDecay: number;
  readonly rate: Scalar;
}

/** SGD with Nesterov momentum of one tensor: g += decay p; v = momentum v + g; p -= rate (g + momentum v). */
export function nesterov<T extends Tensor>(
  parameter: T,
  gradient: T,
  velocity: T,
  { momentum, weightDecay, rate }: NesterovOptions,
): { parameter: T; velocity: T } {
  if (hasKernels()) {
    const attributes = [float('momentum', momentum), float('decay', weightDecay)];
    const inputs = [parameter, gradient, velocity, rate];
    const [next, speed] = call('GfnetNesterov', attributes, inputs, 2) as [T, T];
    return { parameter: next, velocity: speed };
  }
  const decayed = tf.add(gradient, tf.mul(parameter, weightDecay));
  const speed = tf.add<T>(tf.mul(velocity, momentum), decayed);
  return {
    parameter: tf.sub<T>(parameter, tf.mul(rate, tf.add(decayed, tf.mul(speed, momentum)))),
    velocity: speed,
  };
}
