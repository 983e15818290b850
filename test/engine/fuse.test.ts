import { execFileSync } from 'node:child_process';
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor, Tensor1D, Tensor4D } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { compile, record } from '../../src/engine/compile.js';
import { fuseBatchNorm, fuseSums } from '../../src/engine/fuse.js';
import { differentiate } from '../../src/engine/gradients.js';
import type { Graph } from '../../src/engine/graph.js';
import { batchNormTraining, hardSwish, relu, relu6, swish } from '../../src/engine/ops.js';
import { backend, hasKernels, startEngine } from '../../src/engine/start.js';
import { disposeTree } from '../../src/engine/tensor-tree.js';
import { compileProgram } from '../checkpoint/support.js';
import { expectInOrder } from '../helpers/graph.js';
import { expectClose } from '../helpers/pytorch.js';
import { epsilon, given, layer, shape } from './programs/layer.js';

beforeAll(() => startEngine());

type Network = (normalise: (x: Tensor4D) => Tensor4D, x: Tensor4D) => Tensor;

/** What a network of batch norms becomes, with its gradients. */
function fused(network: Network): Graph {
  const parameters = { x: tf.randomNormal([2, 3, 3, 4]), scale: tf.ones([4]), offset: tf.zeros([4]) };
  const batch = { w: tf.randomNormal([2, 3, 3, 4]) };
  const step = (parameters: Record<string, Tensor>, { w }: { w: Tensor }) =>
    differentiate(parameters, ({ x, scale, offset }) => {
      const normalise = (x: Tensor4D): Tensor4D =>
        batchNormTraining(x, scale as Tensor1D, offset as Tensor1D, epsilon).output;
      return { loss: tf.sum(tf.mul(network(normalise, x as Tensor4D), w)), auxiliary: {} };
    }).gradients;
  const { graph } = record(step, parameters, batch, false);
  disposeTree({ ...parameters, ...batch });
  return fuseBatchNorm(backend().binding, graph);
}

/** Batch norms, activations and their gradients, sorted. */
function operationsOf({ nodes }: Graph): string[] {
  const names = [...nodes.values()].flatMap(node => {
    if (node.kind !== 'operation' || !/Norm|Relu|Activation/.test(node.op)) return [];
    const of = (name: string): unknown => node.attributes.find(attribute => attribute.name === name)?.value;
    const kind = ['', ' relu', ' relu6', ' hardSwish'][Number(of('activation') ?? 0)];
    return [`${node.op.replace('Gfnet', '')}${kind ?? ''}${of('N') === 1 ? ' of a sum' : ''}`];
  });
  return names.sort();
}

describe('fuseBatchNorm', () => {
  it.each<[string, Network, string[]]>([
    ['a batch norm by itself', (normalise, x) => normalise(x), ['BatchNorm', 'BatchNormGrad']],
    [
      'activations, and their gradients',
      (normalise, x) => hardSwish(normalise(relu6(normalise(relu(normalise(x)))))),
      ['relu', 'relu6', 'hardSwish'].flatMap(name => [`BatchNorm ${name}`, `BatchNormGrad ${name}`]),
    ],
    [
      'an addend, which needs the activation’s gradient too',
      (normalise, x) => relu(tf.add<Tensor4D>(normalise(x), x)),
      ['BatchNorm relu of a sum', 'BatchNormGrad', 'ReluGrad'],
    ],
    [
      'another batch norm as an addend',
      (normalise, x) => relu(tf.add<Tensor4D>(normalise(x), normalise(tf.square(x)))),
      ['BatchNorm', 'BatchNorm relu of a sum', 'BatchNormGrad', 'BatchNormGrad', 'ReluGrad'],
    ],
    [
      'no activation where something else reads the batch norm too',
      (normalise, x) => {
        const y = normalise(x);
        return tf.mul(y, relu(y));
      },
      ['BatchNorm', 'BatchNormGrad', 'Relu', 'ReluGrad'],
    ],
    [
      'no addend that is spread over the image',
      (normalise, x) => relu(tf.add<Tensor4D>(normalise(x), 1)),
      ['BatchNorm', 'BatchNormGrad', 'Relu', 'ReluGrad'],
    ],
    [
      'no sum before an activation whose gradient reads it',
      (normalise, x) => hardSwish(tf.add<Tensor4D>(normalise(x), x)),
      ['BatchNorm', 'BatchNormGrad', 'Activation hardSwish', 'ActivationGrad hardSwish'],
    ],
  ])('takes in %s', (_, network, expected) => {
    expect(hasKernels()).toBe(true);
    const graph = fused(network);
    expect(operationsOf(graph)).toEqual(expected.sort());
    expectInOrder(graph);
  });
});

describe('fuseSums', () => {
  type Unary = <T extends Tensor>(x: T) => T;
  /** The gradient of a loss that reads an activation's result so many times. */
  const stepOf =
    (activation: Unary, times: 1 | 2) =>
    ({ x }: { x: Tensor }, { w }: { w: Tensor }): Tensor[] => {
      const { gradients } = differentiate({ x }, ({ x }) => {
        const y = activation(x as Tensor);
        const read = times === 1 ? tf.square(y) : tf.add(tf.square(y), tf.mul(y, w));
        return { loss: tf.sum(tf.mul(read, w)), auxiliary: {} };
      });
      return [gradients.x as Tensor];
    };
  const given = () => ({
    x: tf.randomNormal([2, 5, 3, 7], 0, 3, 'float32', 1),
    w: tf.randomNormal([2, 5, 3, 7], 0, 1, 'float32', 2),
  });
  const operations = ({ nodes }: Graph): string[] =>
    [...nodes.values()].flatMap(node =>
      node.kind === 'operation' && /Grad|^Add/.test(node.op) ? [`${node.op} of ${node.inputs.length}`] : [],
    );

  it.each(Object.entries({ relu, relu6, hardSwish, swish }))(
    'gives the gradient of %s both parts of a sum',
    (_, activation) => {
      const { x, w } = given();
      const step = stepOf(activation, 2);
      const { graph } = record(step, { x }, { w }, false);
      const gradients = operations(fuseSums(backend().binding, graph)).filter(op => op.includes('Grad'));
      expect(gradients).toEqual(['GfnetActivationGrad of 3']);
      const compiled = compile(step);
      const [result] = compiled({ x }, { w });
      const [expected] = step({ x }, { w });
      expectClose(result as Tensor, expected as Tensor, 1e-6);
      compiled.dispose();
    },
  );

  it('leaves those that are given no sum', () => {
    const { x, w } = given();
    const { graph } = record(stepOf(relu, 1), { x }, { w }, false);
    expect([...fuseSums(backend().binding, graph).nodes]).toEqual([...graph.nodes]);
  });

  it('leaves a sum that something else reads', () => {
    const { x, w } = given();
    const shared = ({ x }: { x: Tensor }, { w }: { w: Tensor }): Tensor[] => {
      const sum = tf.add(x, w);
      const { gradients } = differentiate({ x }, ({ x }) => ({
        loss: tf.sum(tf.mul(relu(x as Tensor), sum)),
        auxiliary: {},
      }));
      return [gradients.x as Tensor, sum];
    };
    const { graph } = record(shared, { x }, { w }, false);
    expect([...fuseSums(backend().binding, graph).nodes]).toEqual([...graph.nodes]);
  });
});

/** By definition, in double precision. */
function expected({ x, w, scale, offset }: ReturnType<typeof given>) {
  const channels = shape[3];
  const rows = x.length / channels;
  const means = (f: (i: number, c: number) => number): Float64Array => {
    const sums = new Float64Array(channels);
    for (let i = 0; i < x.length; i++) sums[i % channels] = (sums[i % channels] ?? 0) + f(i, i % channels);
    return sums.map(sum => sum / rows);
  };
  const at = (values: Float64Array, i: number): number => values[i] ?? NaN;
  const mean = means(i => at(x, i));
  const variance = means((i, c) => (at(x, i) - at(mean, c)) ** 2);
  const centred = x.map((value, i) => {
    const c = i % channels;
    return (value - at(mean, c)) / Math.sqrt(at(variance, c) + epsilon);
  });
  const z = centred.map((value, i) => value * at(scale, i % channels) + at(offset, i % channels));
  const dz = z.map((z, i) => at(w, i) * (z <= -3 ? 0 : z >= 3 ? 1 : (2 * z + 3) / 6));
  const ofOffset = means(i => at(dz, i));
  const ofScale = means(i => at(dz, i) * at(centred, i));
  const dx = dz.map((value, i) => {
    const c = i % channels;
    const rest = value - at(ofOffset, c) - at(centred, i) * at(ofScale, c);
    return (rest * at(scale, c)) / Math.sqrt(at(variance, c) + epsilon);
  });
  return {
    output: z.map(z => (z * Math.min(6, Math.max(0, z + 3))) / 6),
    batchMean: mean,
    batchVariance: variance.map(value => (value * rows) / (rows - 1)),
    x: dx,
    scale: ofScale.map(value => value * rows),
    offset: ofOffset.map(value => value * rows),
    updated: x.map((p, i) => {
      const g = at(dx, i) + 1e-4 * p;
      return p - 0.1 * (g + 0.9 * (0.9 * at(w, i) + g));
    }),
  };
}

describe('kernels', () => {
  // Far from zero, what is left of float32 is the spacing of x: 5e-7 of 1, 5e-4 of 1000.
  it.each([
    [0, 2e-6],
    [1000, 2e-4],
  ])('are right on a layer of many blocks whose mean is %d', (mean, tolerance) => {
    const inputs = given(mean);
    const { gradients, ...results } = layer(inputs);
    const actual: Record<string, Tensor> = { ...results, ...gradients };
    for (const [name, values] of Object.entries(expected(inputs))) {
      const computed = actual[name]?.dataSync() ?? [];
      const scale = values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
      expect(computed).toHaveLength(values.length);
      const away = values.reduce(
        (most, value, i) => Math.max(most, Math.abs(value - (computed[i] ?? NaN))),
        0,
      );
      expect(away / scale, name).toBeLessThan(tolerance);
    }
    disposeTree({ gradients, ...results });
  });

  it('have swish right over the whole range', () => {
    const x = Float32Array.from({ length: 4003 }, (_, i) => (i - 2001) / 20);
    const actual = tf.tidy(() => swish(tf.tensor1d(x)).dataSync());
    x.forEach((x, i) => {
      const value = x / (1 + Math.exp(-x));
      // Below -87 all but nothing.
      if (x > -87) expect(Math.abs((actual[i] ?? NaN) - value)).toBeLessThanOrEqual(3e-7 * Math.abs(value));
      else expect(Math.abs(actual[i] ?? NaN)).toBeLessThan(1e-35);
    });
  });

  it('keep what is not a number', () => {
    const kept = tf.tidy(() => [swish, hardSwish].map(f => f(tf.tensor1d([NaN, 1])).dataSync()));
    for (const [first, second] of kept) {
      expect(first).toBeNaN();
      expect(second).toBeGreaterThan(0.6);
    }
  });

  it('give the same bits for any number of threads', () => {
    const program = compileProgram('test/engine/programs/layer', ['src']);
    const [one, ...others] = [1, 2, 3].map(threads =>
      execFileSync(process.execPath, [program, String(threads)], { encoding: 'utf8' }),
    );
    expect(one).toMatch(/^[0-9a-f]{64}\n$/);
    for (const other of others) expect(other).toBe(one);
  });
});
