import * as tf from '@tensorflow/tfjs-core';
import type { Tensor, Tensor1D, Tensor4D } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { compile, record } from '../../src/engine/compile.js';
import { foldBatchNorm } from '../../src/engine/fold.js';
import { differentiate } from '../../src/engine/gradients.js';
import type { OpAttribute } from '../../src/engine/binding.js';
import type { Graph } from '../../src/engine/graph.js';
import type { Padding } from '../../src/engine/ops.js';
import { conv2d, hardSwish, relu, relu6, swish } from '../../src/engine/ops.js';
import { inBfloat16 } from '../../src/engine/precision.js';
import { backend, hasKernels, setThreads, startEngine } from '../../src/engine/start.js';
import { disposeTree } from '../../src/engine/tensor-tree.js';
import { withWinograd } from '../../src/engine/winograd.js';
import { normals } from '../helpers/array.js';
import { expectInOrder } from '../helpers/graph.js';
import * as naive from '../helpers/naive.js';
import { expectClose } from '../helpers/pytorch.js';

startEngine({ threads: 2 });

type Shape = readonly [number, number, number, number];

interface Given {
  readonly x: Tensor4D;
  readonly filter: Tensor4D;
  /** Of the results in the loss. */
  readonly weights: Tensor4D;
}

/** A convolution, and the gradients of the weighted sum of its results. */
const stepOf =
  (stride: number, padding: Padding) =>
  ({ x, filter, weights }: Given): Tensor[] => {
    const { gradients, auxiliary } = differentiate({ x, filter }, ({ x, filter }) => {
      const y = conv2d(x as Tensor4D, filter as Tensor4D, stride, padding);
      return { loss: tf.sum(tf.mul(y, weights)), auxiliary: y };
    });
    return [auxiliary, gradients.x as Tensor, gradients.filter as Tensor];
  };

function graphOf(shape: Shape, filter: Shape, stride = 1, padding: Padding = 1): Graph {
  const [x, taps] = [tf.zeros<tf.Rank.R4>([...shape]), tf.zeros<tf.Rank.R4>([...filter])];
  const given = { x, filter: taps, weights: conv2d(x, taps, stride, padding) };
  const { graph } = record((given: Given) => stepOf(stride, padding)(given), given, {}, false);
  disposeTree(given);
  return graph;
}

const operations = ({ nodes }: Graph): string[] =>
  [...nodes.values()].flatMap(node => (node.kind === 'operation' ? [node.op] : []));

const rewritten = (graph: Graph, prepared = false): string[] =>
  operations(withWinograd(backend().binding, graph, prepared)).filter(op => op.startsWith('GfnetWinograd'));

const call = (op: string, inputs: Tensor[], attributes: OpAttribute[] = []): Tensor =>
  backend().executeMultipleOutputs(op, attributes, inputs, 1)[0] as Tensor;

const valuesOf = (filter: Tensor, turned: boolean): Tensor =>
  call(
    'GfnetWinogradFilter',
    [filter],
    [{ name: 'turned', type: backend().binding.TF_ATTR_BOOL, value: turned }],
  );

const convolve = (x: Tensor, values: Tensor, bias: Tensor[] = [], activation = 0): Tensor =>
  call(
    'GfnetWinograd',
    [x, values, ...bias],
    Object.entries({ N: bias.length, activation }).map(([name, value]) => ({
      name,
      type: backend().binding.TF_ATTR_INT,
      value,
    })),
  );

/** All three by our kernels: the convolution, and its gradients given dy. */
function byKernels(x: Tensor, filter: Tensor, dy: Tensor): Tensor[] {
  return tf.tidy(() => [
    convolve(x, valuesOf(filter, false)),
    convolve(dy, valuesOf(filter, true)),
    call('GfnetWinogradGrad', [x, dy]),
  ]);
}

describe.runIf(hasKernels())('withWinograd', () => {
  const all = ['GfnetWinogradFilter', 'GfnetWinograd', 'GfnetWinogradFilter', 'GfnetWinograd'];

  it.each([
    ['of zeros at each side', 1],
    ['of zeros as TensorFlow lays them', 'same'],
  ] as const)('writes a convolution by 3 x 3 pixels with its gradients, %s', (_, padding) => {
    const before = graphOf([4, 14, 14, 32], [3, 3, 32, 48], 1, padding);
    expect(rewritten(before)).toEqual([...all, 'GfnetWinogradGrad']);
    const after = withWinograd(backend().binding, before, false);
    expect(operations(after).filter(op => op.startsWith('Conv2D'))).toEqual([]);
    expectInOrder(after);
    for (const output of before.outputs)
      expect(after.tensors.get(output)).toEqual(before.tensors.get(output));
  });

  it('makes the values of a filter once for all that read it', () => {
    const given = { x: tf.zeros<tf.Rank.R4>([4, 14, 14, 32]), filter: tf.zeros<tf.Rank.R4>([3, 3, 32, 32]) };
    const twice = ({ x, filter }: typeof given) => conv2d(conv2d(x, filter, 1, 1), filter, 1, 1);
    const { graph } = record(twice, given, {}, false);
    disposeTree(given);
    expect(rewritten(graph)).toEqual(['GfnetWinogradFilter', 'GfnetWinograd', 'GfnetWinograd']);
  });

  interface Normalised {
    readonly x: Tensor4D;
    readonly filter: Tensor4D;
    readonly mean: Tensor1D;
    readonly variance: Tensor1D;
  }

  const normalised = ({ x, filter, mean, variance }: Normalised): Tensor4D =>
    tf.batchNorm(conv2d(x, filter, 1, 1), mean, variance);

  const given = (): Normalised => ({
    x: tf.randomNormal([2, 9, 9, 32], 0, 1, 'float32', 1),
    // Results are some ones: neither beyond what relu6 leaves of them, nor all within.
    filter: tf.randomNormal([3, 3, 32, 32], 0, 0.2, 'float32', 2),
    mean: tf.randomNormal([32], 0, 1, 'float32', 3),
    variance: tf.randomUniform([32], 1, 2, 'float32', 4),
  });

  it.each(Object.entries({ relu, relu6, hardSwish, swish }))(
    'takes a bias and %s that follow a convolution with it',
    (_, activation) => {
      const numbers = given();
      const step = (numbers: Normalised): Tensor[] => [activation(normalised(numbers))];
      const { graph } = record(step, numbers, {}, false);
      const { binding } = backend();
      const after = operations(withWinograd(binding, foldBatchNorm(binding, graph), true));
      expect(after.filter(op => /Winograd|BiasAdd|Relu|Activation/.test(op))).toEqual(all.slice(0, 2));
      const compiled = compile(step, { inference: true });
      const [result] = compiled(numbers, {});
      const [expected] = step(numbers);
      expectClose(result as Tensor, expected as Tensor);
      compiled.dispose();
    },
  );

  it('leaves what something else reads before the activation', () => {
    const numbers = given();
    const step = (numbers: Normalised): Tensor[] => {
      const z = normalised(numbers);
      return [relu(z), relu6(z)];
    };
    const compiled = compile(step, { inference: true });
    const results = compiled(numbers, {});
    step(numbers).forEach((expected, i) => expectClose(results[i] as Tensor, expected));
    compiled.dispose();
  });

  it.each([
    ['other sizes', [4, 14, 14, 32], [5, 5, 32, 32], 1, 'same'],
    ['strides', [4, 14, 14, 32], [3, 3, 32, 32], 2, 1],
    ['no zeros', [4, 14, 14, 32], [3, 3, 32, 32], 1, 0],
    ['groups', [4, 14, 14, 64], [3, 3, 32, 64], 1, 1],
    ['few channels', [4, 14, 14, 3], [3, 3, 3, 32], 1, 1],
  ] as const)('leaves %s as they are', (_, shape, filter, stride, padding) => {
    const graph = graphOf(shape, filter, stride, padding);
    expect([...withWinograd(backend().binding, graph, false).nodes]).toEqual([...graph.nodes]);
  });

  it('leaves those whose filter takes longer than their few tiles, but for its gradient or where it is made beforehand', () => {
    const graph = graphOf([4, 7, 7, 64], [3, 3, 64, 64]);
    expect(rewritten(graph)).toEqual(['GfnetWinogradGrad']);
    expect(rewritten(graph, true)).toEqual([...all, 'GfnetWinogradGrad']);
  });

  it('leaves bfloat16', () => {
    expect(rewritten(inBfloat16(backend().binding, graphOf([4, 14, 14, 32], [3, 3, 32, 32])))).toEqual([]);
  });
});

describe.runIf(hasKernels())('convolution by minimal filtering', () => {
  it.each([
    // Tiles that end within the image, at its end and beyond it; channels that fill vectors and panels, and rests of each length.
    [[2, 8, 8, 16], 32],
    [[1, 5, 10, 33], 47],
    [[2, 7, 6, 20], 104],
    [[3, 1, 3, 1], 1],
    [[1, 2, 1, 5], 3],
    [[1, 4, 9, 150], 35],
    // More tiles than are read at a time.
    [[5, 29, 30, 3], 6],
  ] as [number[], number][])(
    'of %j to %d channels and its gradients equal their definitions',
    (shape, out) => {
      const [x, filter] = [normals('x', shape), normals('filter', [3, 3, shape[3] ?? 0, out])];
      const dy = normals('dy', [...shape.slice(0, 3), out]);
      const expected = [naive.conv2d(x, filter, 1, 1), ...naive.conv2dGradients(x, filter, 1, 1, dy)];
      const results = byKernels(x.tensor(), filter.tensor(), dy.tensor());
      results.forEach((result, i) => expectClose(result, (expected[i] ?? x).tensor(), 5e-6));
    },
  );

  it('is what a compiled step computes', () => {
    const [x, filter] = [normals('x', [3, 13, 14, 36]), normals('filter', [3, 3, 36, 40])];
    const weights = normals('weights', [3, 13, 14, 40]);
    const given: Given = { x: x.tensor(), filter: filter.tensor(), weights: weights.tensor() };
    const compiled = compile((given: Given) => stepOf(1, 1)(given));
    const results = compiled(given, {});
    compiled.dispose();
    const kernels = byKernels(given.x, given.filter, given.weights);
    results.forEach((result, i) => expect(result.dataSync()).toEqual(kernels[i]?.dataSync()));
    const expected = [naive.conv2d(x, filter, 1, 1), ...naive.conv2dGradients(x, filter, 1, 1, weights)];
    results.forEach((result, i) => expectClose(result, (expected[i] ?? x).tensor(), 5e-6));
  });

  it('gives the same bits with any number of threads', () => {
    const shapes = [
      [6, 27, 26, 40],
      [3, 3, 40, 72],
      [6, 27, 26, 72],
    ];
    const [x, filter, dy] = shapes.map(shape => tf.randomNormal(shape)) as [Tensor, Tensor, Tensor];
    const bits = [1, 2, 5].map(threads => {
      setThreads(threads);
      return byKernels(x, filter, dy).map(result => Buffer.from(result.dataSync().buffer));
    });
    setThreads(0);
    for (const others of bits)
      expect(others.map((bytes, i) => bytes.equals(bits[0]?.[i] ?? Buffer.alloc(0)))).toEqual([
        true,
        true,
        true,
      ]);
  });

  it('computes nothing of no images, and no gradient', () => {
    const [none, filter] = [tf.zeros([0, 8, 8, 16]), tf.randomNormal([3, 3, 16, 32])];
    const [y, dx, dfilter] = byKernels(none, filter, tf.zeros([0, 8, 8, 32]));
    expect([y?.shape, dx?.shape]).toEqual([
      [0, 8, 8, 32],
      [0, 8, 8, 16],
    ]);
    expect(dfilter?.dataSync()).toEqual(new Float32Array(9 * 16 * 32));
  });

  it('refuses what does not belong together', () => {
    const x = tf.zeros([1, 8, 8, 16]);
    expect(() => convolve(x, valuesOf(tf.zeros([3, 3, 8, 32]), false))).toThrow(/expected images/);
    const values = valuesOf(tf.zeros([3, 3, 16, 32]), false);
    expect(() => convolve(x, values, [tf.zeros([16])])).toThrow(/bias of each channel/);
    expect(() => call('GfnetWinogradGrad', [x, tf.zeros([1, 8, 7, 32])])).toThrow(/same size/);
    expect(() => valuesOf(tf.zeros([5, 5, 16, 32]), false)).toThrow(/3 x 3/);
  });
});
