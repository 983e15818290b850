import * as tf from '@tensorflow/tfjs-core';
import type { Tensor, Tensor4D } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { compile, record } from '../../src/engine/compile.js';
import { foldBatchNorm } from '../../src/engine/fold.js';
import { differentiate } from '../../src/engine/gradients.js';
import type { Graph } from '../../src/engine/graph.js';
import { conv2d, hardSwish, relu6 } from '../../src/engine/ops.js';
import { peakOf } from '../../src/engine/peak.js';
import { asProducts } from '../../src/engine/products.js';
import { backend, startEngine } from '../../src/engine/start.js';
import { disposeTree } from '../../src/engine/tensor-tree.js';
import { expectInOrder } from '../helpers/graph.js';

beforeAll(() => startEngine());

/** A convolution with its gradients, before and after. */
function graphsOf(
  shape: [number, number, number, number],
  filter: [number, number, number, number],
  stride: number,
) {
  const parameters = { x: tf.zeros(shape), filter: tf.zeros(filter) };
  const step = ({ x, filter }: Record<string, Tensor>) =>
    differentiate({ x: x as Tensor, filter: filter as Tensor }, ({ x, filter }) => ({
      loss: tf.sum(tf.square(conv2d(x as Tensor4D, filter as Tensor4D, stride, 0))),
      auxiliary: {},
    })).gradients;
  const { graph } = record(step, parameters, {}, false);
  disposeTree(parameters);
  return { before: graph, after: asProducts(backend().binding, graph) };
}

const count = ({ nodes }: Graph, op: RegExp): number =>
  [...nodes.values()].filter(node => node.kind === 'operation' && op.test(node.op)).length;

// That they are equal, test/contracts/convolution.test.ts shows for filters of 1 x 1 too: its compiled steps go this way.
describe('asProducts', () => {
  it.each([
    [[2, 5, 4, 3], 4, 1],
    [[2, 1, 1, 3], 4, 1],
    [[2, 5, 5, 3], 4, 2],
    [[2, 6, 4, 3], 4, 2],
    [[2, 7, 4, 3], 4, 3],
    [[2, 7, 5, 3], 4, 4],
  ] as const)(
    'writes convolutions of %j by one pixel to %d channels, stride %d, as products',
    (shape, out, stride) => {
      const { before, after } = graphsOf([...shape], [1, 1, shape[3], out], stride);
      expect([count(before, /^Conv2D/), count(before, /^MatMul$/)]).toEqual([3, 0]);
      expect([count(after, /^Conv2D/), count(after, /^MatMul$/)]).toEqual([0, 3]);
      // Pixels at the end that no window sees need not be cut off first, nor laid after their gradient.
      expect(count(after, /^Gfnet(Every|Spread)$/)).toBe(stride === 1 ? 0 : 3);
      expect(count(after, /^Pad/)).toBe(0);
      expectInOrder(after);
      for (const output of before.outputs)
        expect(after.tensors.get(output)).toEqual(before.tensors.get(output));
      // To more channels than there were: the filter is turned for the gradient of the image.
      expect(count(after, /^Transpose$/)).toBe(1);
      // What is seen at a stride is a result of its own.
      if (stride === 1) expect(peakOf(after)).toBe(peakOf(before));
    },
  );

  it.each([
    ['larger filters', [2, 5, 4, 3], [3, 3, 3, 4], 1],
    ['groups', [2, 5, 4, 4], [1, 1, 2, 4], 1],
  ] as const)('leaves %s as they are', (_, shape, filter, stride) => {
    const { before, after } = graphsOf([...shape], [...filter], stride);
    expect([...after.nodes]).toEqual([...before.nodes]);
  });

  it('takes what was cut from images or channels as it is', () => {
    const parameters = { x: tf.randomNormal([3, 6, 5, 4]), filter: tf.randomNormal([1, 1, 3, 2]) };
    const step = ({ x, filter }: Record<string, Tensor>) =>
      conv2d(tf.slice(x as Tensor4D, [0, 0, 0, 0], [2, 5, 5, 3]), filter as Tensor4D, 2, 0);
    const compiled = compile(step);
    const [actual, expected] = [compiled(parameters, {}), tf.tidy(() => step(parameters))];
    expect(actual.shape).toEqual([2, 3, 3, 2]);
    expect(tf.tidy(() => tf.max(tf.abs(tf.sub(actual, expected))).dataSync()[0])).toBeLessThan(1e-5);
    disposeTree({ parameters, actual, expected });
    compiled.dispose();
  });

  it('does what follows each pixel before a product is an image again', () => {
    const parameters = {
      x: tf.randomNormal([2, 5, 4, 3]),
      filter: tf.randomNormal([1, 1, 3, 4]),
      bias: tf.ones([4]),
    };
    const step = ({ x, filter, bias }: Record<string, Tensor>) => {
      const convolved = conv2d(x as Tensor4D, filter as Tensor4D, 1, 0);
      const [zeros, ones] = [tf.zeros<tf.Rank.R1>([4]), tf.ones<tf.Rank.R1>([4])];
      return hardSwish(relu6(tf.batchNorm(convolved, zeros, ones, bias as tf.Tensor1D, ones, 0)));
    };
    const { graph } = record(step, parameters, {}, false);
    const { nodes } = asProducts(backend().binding, foldBatchNorm(backend().binding, graph));
    const chain = ['MatMul', 'BiasAdd', 'Relu6', 'GfnetActivation', 'Reshape'];
    const places = chain.map(op =>
      [...nodes.values()].findLastIndex(node => node.kind === 'operation' && node.op === op),
    );
    expect(places.every((place, i) => place > (places[i - 1] ?? -1))).toBe(true);
    const compiled = compile(step, { inference: true });
    const [actual, expected] = [compiled(parameters, {}), tf.tidy(() => step(parameters))];
    expect(tf.tidy(() => tf.max(tf.abs(tf.sub(actual, expected))).dataSync()[0])).toBeLessThan(1e-5);
    disposeTree({ parameters, actual, expected });
    compiled.dispose();
  });
});
