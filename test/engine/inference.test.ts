import * as tf from '@tensorflow/tfjs-core';
import type { Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { compile, record } from '../../src/engine/compile.js';
import { foldBatchNorm } from '../../src/engine/fold.js';
import type { Graph } from '../../src/engine/graph.js';
import { hoist } from '../../src/engine/hoist.js';
import { conv2d, depthwiseConv2d, globalAveragePool, relu } from '../../src/engine/ops.js';
import { backend, startEngine } from '../../src/engine/start.js';
import { disposeTree, leaves, mapTree, tidyTree } from '../../src/engine/tensor-tree.js';
import { expectClose } from '../helpers/pytorch.js';

beforeAll(() => startEngine());

interface Norm {
  readonly scale: Tensor1D;
  readonly offset: Tensor1D;
  readonly mean: Tensor1D;
  readonly variance: Tensor1D;
}

const random = (shape: number[], seed: number): tf.Tensor => tf.randomNormal(shape, 0, 1, 'float32', seed);

function norm(channels: number, seed: number): Norm {
  const [scale, offset, mean, spread] = [0, 1, 2, 3].map(i => random([channels], seed + i)) as [
    Tensor1D,
    Tensor1D,
    Tensor1D,
    Tensor1D,
  ];
  return { scale, offset, mean, variance: tf.add(tf.square(spread), 0.1) };
}

function weights(seed: number) {
  return {
    full: random([3, 3, 2, 6], seed) as Tensor4D,
    fullNorm: norm(6, seed + 10),
    depthwise: random([3, 3, 6, 1], seed + 20) as Tensor4D,
    depthwiseNorm: norm(6, seed + 30),
    grouped: random([3, 3, 3, 4], seed + 40) as Tensor4D,
    groupedNorm: norm(4, seed + 50),
    head: random([4, 3], seed + 60) as Tensor2D,
  };
}
type Weights = ReturnType<typeof weights>;

const normalise = (x: Tensor4D, { mean, variance, offset, scale }: Norm): Tensor4D =>
  tf.batchNorm(x, mean, variance, offset, scale, 1e-3);

/** Three convolutions with batch norm; the result of the last is read twice, so that it is none to fold. */
function network(w: Weights, { x }: { x: Tensor4D }): { logits: Tensor2D; halved: Tensor2D; same: Tensor2D } {
  const a = relu(normalise(conv2d(x, w.full, 1, 1), w.fullNorm));
  const b = relu(normalise(depthwiseConv2d(a, w.depthwise, 2, 1), w.depthwiseNorm));
  const c = conv2d(b, w.grouped, 1, 1);
  const d: Tensor4D = tf.add(normalise(c, w.groupedNorm), c);
  const half: Tensor2D = tf.mul(w.head, 0.5);
  return { logits: tf.matMul(globalAveragePool(d), w.head), halved: half, same: w.head };
}

const images = (n: number): { x: Tensor4D } => ({ x: random([n, 8, 8, 2], 100 + n) as Tensor4D });

const operations = ({ nodes }: Graph): string[] =>
  [...nodes.values()].flatMap(node => (node.kind === 'operation' ? [node.op] : []));

describe('a step compiled for inference', () => {
  it('gives what the function gives eagerly, for any batch size', () => {
    const w = weights(1);
    const step = compile(network, { anyBatch: true, inference: true });
    for (const n of [3, 1, 5]) {
      const [compiled, eager] = [leaves(step(w, images(n))), leaves(network(w, images(n)))];
      compiled.forEach((tensor, i) => expectClose(tensor, eager[i] as tf.Tensor, 1e-5));
    }
    step.dispose();
  });

  it('follows its fixed tensors when they become others', () => {
    const step = compile(network, { anyBatch: true, inference: true });
    const x = images(2);
    for (const seed of [1, 2, 1]) {
      const w = weights(seed);
      for (let i = 0; i < 2; i++) expectClose(step(w, x).logits, network(w, x).logits, 1e-5);
      const { head } = weights(seed + 5);
      // One of many is another.
      expectClose(step({ ...w, head }, x).logits, network({ ...w, head }, x).logits, 1e-5);
    }
    step.dispose();
  });

  it('leaves no tensor behind once it is disposed, and makes none from call to call', () => {
    const w = weights(1);
    const x = images(2);
    const before = tf.memory().numTensors;
    const step = compile(network, { anyBatch: true, inference: true });
    disposeTree(step(w, x));
    const first = tf.memory().numTensors;
    for (let i = 0; i < 5; i++) disposeTree(step(w, x));
    const copy = tidyTree(() => mapTree(w, tensor => tf.add(tensor, 1)));
    disposeTree(step(copy, x));
    disposeTree(copy);
    expect(tf.memory().numTensors).toBe(first);
    step.release();
    expect(tf.memory().numTensors).toBe(before);
    disposeTree(step(w, x));
    step.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('folds each batch norm whose convolution nothing else reads, and computes the filters beforehand', () => {
    const w = weights(1);
    const { graph } = record(network, w, images(2), true);
    expect(operations(graph).filter(op => op.startsWith('FusedBatchNorm'))).toHaveLength(3);
    const { prepare, rest } = hoist(foldBatchNorm(backend().binding, graph), leaves(w).length);
    expect(operations(rest).filter(op => op.startsWith('FusedBatchNorm'))).toHaveLength(1);
    // Filters and shifts of two; the halved head is given to the caller, and made for it at each call.
    expect(prepare.outputs).toHaveLength(4);
    expect(operations(prepare).filter(op => op === 'Rsqrt')).toHaveLength(2);
    const left = operations(rest);
    expect(left).not.toContain('Rsqrt');
    expect(left.filter(op => /Conv2D|Depthwise|BiasAdd/.test(op))).toEqual([
      ...['Conv2D', 'BiasAdd'],
      ...['GfnetDepthwise', 'BiasAdd'],
      'Conv2D',
    ]);
  });
});
