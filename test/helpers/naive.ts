/** The layers by their formulas, element by element in double precision. */
import type { Padding } from '../../src/engine/ops.js';
import { build, NdArray, sum } from './array.js';

const size = (array: NdArray, axis: number): number => array.shape[axis] ?? NaN;

export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** [n, in], [in, out], [out] -> [n, out] */
export function linear(x: NdArray, weight: NdArray, bias: NdArray): NdArray {
  const [width, out] = [size(weight, 0), size(weight, 1)];
  return build([size(x, 0), out], (i, j) => bias.at(j) + sum([width], k => x.at(i, k) * weight.at(k, j)));
}

/** PyTorch's GRUCell: [n, in], [n, size] -> [n, size]; weights [in, 3 size] and [size, 3 size], gates reset, update, new. */
export function gru(
  x: NdArray,
  hidden: NdArray,
  weights: Readonly<Record<'weight_ih' | 'bias_ih' | 'weight_hh' | 'bias_hh', NdArray>>,
): NdArray {
  const fromX = linear(x, weights.weight_ih, weights.bias_ih);
  const fromHidden = linear(hidden, weights.weight_hh, weights.bias_hh);
  const width = size(hidden, 1);
  return build(hidden.shape, (i, j) => {
    const reset = sigmoid(fromX.at(i, j) + fromHidden.at(i, j));
    const update = sigmoid(fromX.at(i, width + j) + fromHidden.at(i, width + j));
    const candidate = Math.tanh(fromX.at(i, 2 * width + j) + reset * fromHidden.at(i, 2 * width + j));
    return (1 - update) * candidate + update * hidden.at(i, j);
  });
}

/** Over the last of two axes. */
export function softmax(x: NdArray): NdArray {
  return build(x.shape, (i, j) => Math.exp(x.at(i, j)) / sum([size(x, 1)], k => Math.exp(x.at(i, k))));
}

export interface Moments {
  readonly mean: NdArray;
  /** Of the population: divided by the count. */
  readonly variance: NdArray;
}

/** Of each channel of [n, h, w, c]; [c] each. */
export function channelMoments(x: NdArray): Moments {
  const places = x.shape.slice(0, 3);
  const count = places.reduce((product, side) => product * side, 1);
  const mean = build([size(x, 3)], c => sum(places, (i, y, z) => x.at(i, y, z, c)) / count);
  const variance = build(
    [size(x, 3)],
    c => sum(places, (i, y, z) => (x.at(i, y, z, c) - mean.at(c)) ** 2) / count,
  );
  return { mean, variance };
}

export function batchNorm(
  x: NdArray,
  { mean, variance }: Moments,
  scale: NdArray,
  offset: NdArray,
  epsilon: number,
): NdArray {
  return build(
    x.shape,
    (...index) =>
      ((x.at(...index) - mean.at(index[3] ?? NaN)) / Math.sqrt(variance.at(index[3] ?? NaN) + epsilon)) *
        scale.at(index[3] ?? NaN) +
      offset.at(index[3] ?? NaN),
  );
}

/** Windows over a side and the zeros before it: as PyTorch defines them for a number, as TensorFlow does for `SAME`. */
function windows(
  side: number,
  kernel: number,
  stride: number,
  padding: Padding,
): [count: number, before: number] {
  if (padding !== 'same') return [Math.floor((side + 2 * padding - kernel) / stride) + 1, padding];
  const rest = side % stride;
  return [Math.ceil(side / stride), Math.floor(Math.max(kernel - (rest === 0 ? stride : rest), 0) / 2)];
}

/** Calls `visit` with the flat places of all products of a convolution of [n, h, w, in] with [k, k, in, out], zeros around. */
function products(
  { shape: [n = 0, height = 0, width = 0, channels = 0] }: NdArray,
  { shape: [kernel = 0, , , out = 0] }: NdArray,
  stride: number,
  padding: Padding,
  visit: (x: number, filter: number, y: number) => void,
): [n: number, height: number, width: number, out: number] {
  const [rows, above] = windows(height, kernel, stride, padding);
  const [columns, before] = windows(width, kernel, stride, padding);
  for (let i = 0; i < n; i++)
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++)
        for (let dy = 0; dy < kernel; dy++)
          for (let dx = 0; dx < kernel; dx++) {
            const [y, x] = [row * stride + dy - above, column * stride + dx - before];
            if (y < 0 || y >= height || x < 0 || x >= width) continue;
            for (let c = 0; c < channels; c++)
              for (let o = 0; o < out; o++)
                visit(
                  ((i * height + y) * width + x) * channels + c,
                  ((dy * kernel + dx) * channels + c) * out + o,
                  ((i * rows + row) * columns + column) * out + o,
                );
          }
  return [n, rows, columns, out];
}

/** Adds to an element. */
function add(to: Float64Array, place: number, value: number): void {
  to[place] = (to[place] ?? NaN) + value;
}

const value = ({ values }: NdArray, place: number): number => values[place] ?? NaN;

/** [n, h, w, in], [k, k, in, out] -> [n, rows, columns, out] */
export function conv2d(x: NdArray, filter: NdArray, stride: number, padding: Padding): NdArray {
  const shape = products(x, filter, stride, padding, () => undefined);
  const y = new Float64Array(shape.reduce((product, side) => product * side, 1));
  products(x, filter, stride, padding, (i, j, k) => add(y, k, value(x, i) * value(filter, j)));
  return new NdArray(shape, y);
}

/** The gradients of sum(dy * conv2d(x, filter)): each product hands its factor on. */
export function conv2dGradients(
  x: NdArray,
  filter: NdArray,
  stride: number,
  padding: Padding,
  dy: NdArray,
): [x: NdArray, filter: NdArray] {
  const [dx, df] = [new Float64Array(x.values.length), new Float64Array(filter.values.length)];
  products(x, filter, stride, padding, (i, j, k) => {
    add(dx, i, value(filter, j) * value(dy, k));
    add(df, j, value(x, i) * value(dy, k));
  });
  return [new NdArray(x.shape, dx), new NdArray(filter.shape, df)];
}
