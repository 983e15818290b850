/** Operations on one element, or one of each operand, at a time. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor, Tensor1D } from '@tensorflow/tfjs-core';
import { hardSigmoid, hardSwish, nesterov, relu, relu6, swish } from '../../src/engine/ops.js';
import { build, NdArray, normals } from '../helpers/array.js';
import { sigmoid } from '../helpers/naive.js';
import type { Operation } from './contract.js';

const x = normals('x', [3, 4]);
/** Some beyond 3 and -3. */
const wide = x.map(value => 3 * value);
const gate = (value: number): number => Math.min(6, Math.max(0, value + 3)) / 6;
const positive = x.map(value => Math.fround(0.5 + Math.abs(value)));

function unary(
  name: string,
  run: (x: Tensor) => Tensor,
  f: (value: number) => number,
  { input = x, gradient = 'differences' }: Partial<{ input: NdArray; gradient: 'differences' | 'none' }> = {},
): Operation {
  return { name, inputs: [input], run, define: input => input.map(f), gradient };
}

/** On operands of one shape, and of shapes that broadcast as in the networks: bias, column, scalar. */
function binary(
  name: string,
  run: (a: Tensor, b: Tensor) => Tensor,
  f: (a: number, b: number) => number,
  {
    second = positive,
    gradient = 'differences',
  }: Partial<{ second: NdArray; gradient: 'differences' | 'none' }> = {},
): Operation[] {
  const [value = 0] = second.values;
  const operands: [string, NdArray][] = [
    ['of one shape', second],
    ['and a row', build([4], j => second.at(0, j))],
    ['and a column', build([3, 1], i => second.at(i, 0))],
    ['and a scalar', build([], () => value)],
  ];
  return operands.map(([shapes, b]) => ({
    name: `${name} ${shapes}`,
    inputs: [x, b],
    run,
    define: (a, b) => build(a.shape, (...index) => f(a.at(...index), b.broadcast(index))),
    gradient,
  }));
}

const integers = (name: string): NdArray =>
  new NdArray(
    [3, 4],
    normals(name, [3, 4]).values.map(value => Math.round(value)),
    'int32',
  );

export const elementwise: readonly Operation[] = [
  ...binary('add', tf.add, (a, b) => a + b),
  ...binary('sub', tf.sub, (a, b) => a - b),
  ...binary('mul', tf.mul, (a, b) => a * b),
  ...binary('div', tf.div, (a, b) => a / b),
  {
    name: 'minimum',
    inputs: [x, normals('y', [3, 4])],
    run: tf.minimum,
    define: (a, b) => build(a.shape, (...index) => Math.min(a.at(...index), b.at(...index))),
    gradient: 'differences',
  },
  ...binary('greater', tf.greater, (a, b) => Number(a > b), { gradient: 'none' }),
  {
    name: 'sub, its first operand broadcast',
    inputs: [build([], () => 1), x],
    run: tf.sub,
    define: (a, b) => b.map(value => a.at() - value),
    gradient: 'differences',
  },
  {
    name: 'equal',
    inputs: [integers('a'), integers('b')],
    run: tf.equal,
    define: (a, b) => build(a.shape, (...index) => Number(a.at(...index) === b.at(...index))),
    gradient: 'none',
  },
  {
    name: 'pow',
    inputs: [build([], () => Math.fround(0.999)), build([], () => 7)],
    run: tf.pow,
    define: (base, exponent) => build([], () => base.at() ** exponent.at()),
    gradient: 'differences',
  },
  {
    name: 'addN',
    inputs: ['a', 'b', 'c'].map(name => normals(name, [3, 4])),
    run: (...terms) => tf.addN(terms),
    define: (...terms) =>
      build([3, 4], (...index) => terms.reduce((total, term) => total + term.at(...index), 0)),
    gradient: 'differences',
  },
  unary('neg', tf.neg, value => -value),
  unary('abs', tf.abs, Math.abs),
  unary('square', tf.square, value => value ** 2),
  unary('sqrt', tf.sqrt, Math.sqrt, { input: positive }),
  unary('exp', tf.exp, Math.exp),
  unary('sigmoid', tf.sigmoid, sigmoid),
  unary('tanh', tf.tanh, Math.tanh),
  unary('relu', relu, value => Math.max(value, 0)),
  unary('relu6', relu6, value => Math.min(Math.max(value, 0), 6), { input: x.map(value => 5 * value) }),
  unary('hardSigmoid', hardSigmoid, gate, { input: wide }),
  unary('hardSwish', hardSwish, value => value * gate(value), { input: wide }),
  unary('swish', swish, value => value / (1 + Math.exp(-value))),
  unary(
    'clipByValue',
    x => tf.clipByValue(x, -0.5, 0.75),
    value => Math.min(Math.max(value, -0.5), 0.75),
  ),
  unary('floor', tf.floor, Math.floor, { gradient: 'none' }),
  unary('cast to int32', x => tf.cast(x, 'int32'), Math.trunc, { input: positive, gradient: 'none' }),
  unary('zerosLike', tf.zerosLike, () => 0, { gradient: 'none' }),
  {
    name: 'cast of truth to numbers',
    inputs: [x],
    run: x => tf.cast(tf.greater(x, 0), 'float32'),
    define: x => x.map(value => Number(value > 0)),
    gradient: 'none',
  },
  {
    name: 'nesterov',
    inputs: ['parameter', 'gradient', 'velocity'].map(name => normals(name, [37])),
    run: (...inputs: Tensor[]) => {
      const [parameter, gradient, velocity] = inputs as [Tensor, Tensor, Tensor];
      const options = { momentum: 0.9, weightDecay: 0.01, rate: tf.scalar(0.1) };
      const next = nesterov(parameter, gradient, velocity, options);
      return [next.parameter, next.velocity];
    },
    define: (parameter, gradient, velocity) => {
      const decayed = build([37], i => gradient.at(i) + 0.01 * parameter.at(i));
      const speed = build([37], i => 0.9 * velocity.at(i) + decayed.at(i));
      return [build([37], i => parameter.at(i) - 0.1 * (decayed.at(i) + 0.9 * speed.at(i))), speed];
    },
    gradient: 'none',
  },
  {
    name: 'oneHot',
    inputs: [new NdArray([4], Float64Array.of(2, 0, 1, 2), 'int32')],
    run: (labels: Tensor1D) => tf.oneHot(labels, 3, 1, 0, 'float32'),
    define: labels => build([4, 3], (i, j) => Number(labels.at(i) === j)),
    gradient: 'none',
  },
];
