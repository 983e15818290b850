import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { createEncoder } from '../../src/encoders/registry.js';
import { compile, record } from '../../src/engine/compile.js';
import { differentiate } from '../../src/engine/gradients.js';
import type { Tensors } from '../../src/engine/gradients.js';
import type { Graph, Operation } from '../../src/engine/graph.js';
import {
  averagePool,
  batchNormTraining,
  conv2d,
  crossEntropy,
  depthwiseConv2d,
  hardSwish,
  maxPool,
  relu,
  swish,
} from '../../src/engine/ops.js';
import { inBfloat16 } from '../../src/engine/precision.js';
import type { Precision } from '../../src/engine/precision.js';
import { backend, startEngine } from '../../src/engine/start.js';
import { disposeTree, mapTree } from '../../src/engine/tensor-tree.js';
import { gru, linear } from '../../src/nn/layers.js';
import type { Scope, Variables } from '../../src/nn/scope.js';
import { apply, build } from '../../src/nn/scope.js';
import { stream } from '../../src/random/index.js';
import { nesterov, zerosLikeAll } from '../../training/optimizers.js';

beforeAll(() => startEngine());

/** The spacing of bfloat16's numbers, relative: 7 bits of fraction. */
const spacing = 2 ** -7;

interface Batch {
  readonly images: tf.Tensor4D;
  readonly targets: tf.Tensor2D;
}

const encode = createEncoder({ name: 'small', widths: [16, 24, 32], stem: 2 });

/** An encoder, a recurrent layer and a head, at whole and broken vectors of channels. */
function network(scope: Scope, images: tf.Tensor4D): tf.Tensor2D {
  const { pooled } = encode(scope.at('encoder'), images);
  const hidden = gru(scope.at('gru'), pooled, tf.zeros([pooled.shape[0], 8]));
  return linear(scope.at('head'), hidden, 5);
}

function trainingStep({ parameters, statistics }: Variables, { images, targets }: Batch) {
  const { loss, gradients, auxiliary } = differentiate(parameters, given => {
    const { result, statistics: next } = apply({ parameters: given, statistics }, true, scope =>
      network(scope, images),
    );
    const weights = tf.fill<tf.Rank.R1>([images.shape[0]], 1 / images.shape[0]);
    return { loss: crossEntropy(result, targets, weights), auxiliary: { logits: result, statistics: next } };
  });
  return { loss, gradients, ...auxiliary };
}

function example(): { variables: Variables; batch: Batch } {
  return {
    variables: build(stream(3, 'test'), scope => network(scope, tf.zeros([1, 16, 16, 3]))),
    batch: {
      images: tf.randomNormal([16, 16, 16, 3], 0, 1, 'float32', 1),
      targets: tf.oneHot(
        Array.from({ length: 16 }, (_, i) => i % 5),
        5,
        1,
        0,
        'float32',
      ) as tf.Tensor2D,
    },
  };
}

/** To the nearest bfloat16, which is the upper half of a float32. */
function rounded<T extends tf.Tensor>(tensor: T): T {
  const bits = new Uint32Array(tensor.dataSync<'float32'>().slice().buffer);
  return tf.tensor(
    new Float32Array(bits.map(bits => (bits + 0x8000) & 0xffff0000).buffer),
    tensor.shape,
  ) as T;
}

/** |actual - expected| / |expected|, of all elements together. */
function distance(actual: tf.Tensor, expected: tf.Tensor): number {
  return tf.tidy(() => tf.div(tf.norm(tf.sub(actual, expected)), tf.norm(expected)).dataSync()[0] ?? NaN);
}

function run(precision: Precision, { variables, batch }: ReturnType<typeof example>) {
  const step = compile(trainingStep, { precision });
  const result = step(variables, batch);
  step.dispose();
  return result;
}

describe('a step in bfloat16', () => {
  it('is the step in float32 but for the rounding of bfloat16, gradients and statistics too', () => {
    const given = example();
    const [narrow, wide] = [run('bfloat16', given), run('float32', given)];
    expect(distance(narrow.loss, wide.loss)).toBeLessThan(spacing);
    expect(distance(narrow.logits, wide.logits)).toBeLessThan(8 * spacing);
    // It is not the step in float32.
    expect(distance(narrow.logits, wide.logits)).toBeGreaterThan(spacing / 1000);
    for (const [name, statistic] of Object.entries(wide.statistics))
      expect([name, distance(narrow.statistics[name] as tf.Tensor, statistic)]).toEqual([
        name,
        expect.toSatisfy((error: number) => error < 4 * spacing),
      ]);
    const flat = (gradients: Tensors): tf.Tensor =>
      tf.concat(Object.keys(wide.gradients).map(name => tf.reshape(gradients[name] as tf.Tensor, [-1])));
    // A step has many roundings: they may come to a few times what rounding its arguments alone does.
    const round = ({ variables, batch }: typeof given): typeof given => ({
      variables: mapTree(variables, rounded),
      batch: { ...batch, images: rounded(batch.images) },
    });
    const roundedOnce = distance(flat(run('float32', round(given)).gradients), flat(wide.gradients));
    expect(distance(flat(narrow.gradients), flat(wide.gradients))).toBeLessThan(4 * roundedOnce);
    for (const tensor of [narrow.loss, ...Object.values({ ...narrow.gradients, ...narrow.statistics })])
      expect(tensor.dtype).toBe('float32');
  });

  it('learns: the loss of a batch falls as it does in float32', () => {
    const descend = (precision: Precision): number[] => {
      const { variables, batch } = example();
      let { parameters } = variables;
      let velocity = zerosLikeAll(parameters);
      const step = compile(
        (fixed: { parameters: Tensors; velocity: Tensors; statistics: Tensors }, batch: Batch) => {
          const { loss, gradients } = trainingStep(fixed, batch);
          const rate = (): tf.Scalar => tf.scalar(0.05);
          const options = { momentum: 0.9, weightDecay: 1e-4, rate };
          return { loss, ...nesterov(fixed.parameters, gradients, fixed.velocity, options) };
        },
        { precision },
      );
      const losses = Array.from({ length: 15 }, () => {
        const next = step({ ...variables, parameters, velocity }, batch);
        ({ parameters, velocity } = next);
        return next.loss.dataSync()[0] ?? NaN;
      });
      step.dispose();
      return losses;
    };
    const [narrow, wide] = [descend('bfloat16'), descend('float32')];
    expect(narrow.at(-1)).toBeLessThan(0.5 * (narrow[0] ?? NaN));
    expect(Math.abs((narrow.at(-1) ?? NaN) - (wide.at(-1) ?? NaN))).toBeLessThan(0.1 * (wide[0] ?? NaN));
  });

  it('takes batch norm whose statistics are frozen, folded into filters', () => {
    const { variables, batch } = example();
    const infer = ({ parameters, statistics }: Variables, { images }: Pick<Batch, 'images'>): tf.Tensor2D =>
      apply({ parameters, statistics }, false, scope => network(scope, images)).result;
    const logits = (precision: Precision): tf.Tensor2D =>
      compile(infer, { precision })(variables, { images: batch.images });
    const error = distance(logits('bfloat16'), logits('float32'));
    expect(error).toBeGreaterThan(spacing / 1000);
    expect(error).toBeLessThan(8 * spacing);
  });

  it('leaks no tensor', () => {
    const { variables, batch } = example();
    const step = compile(trainingStep, { precision: 'bfloat16' });
    disposeTree(step(variables, batch));
    const before = tf.memory().numTensors;
    for (let i = 0; i < 3; i++) disposeTree(step(variables, batch));
    expect(tf.memory().numTensors).toBe(before);
    step.dispose();
  });
});

describe('in bfloat16 and in float32 these are the same but for a few roundings, forward and back:', () => {
  type Images = (x: tf.Tensor4D, filter: tf.Tensor4D) => tf.Tensor4D;
  /** All but the products lie between two, where they are taken in bfloat16. */
  const between =
    (f: (x: tf.Tensor4D) => tf.Tensor4D): Images =>
    (x, filter) =>
      conv2d(f(conv2d(x, filter, 1, 1)), filter, 1, 1);
  const norm = (x: tf.Tensor4D): tf.Tensor4D => {
    const channels = x.shape[3];
    return batchNormTraining(x, tf.ones([channels]), tf.zeros([channels]), 1e-5).output;
  };
  const cases: Record<string, readonly [channels: number, filter: readonly number[], f: Images]> = {
    convolution: [16, [3, 3, 16, 16], (x, filter) => conv2d(x, filter, 1, 1)],
    'strided convolution': [3, [3, 3, 3, 16], (x, filter) => conv2d(x, filter, 2, 1)],
    'grouped convolution': [16, [3, 3, 8, 16], (x, filter) => conv2d(x, filter, 1, 1)],
    'depthwise convolution': [16, [3, 3, 16, 1], (x, filter) => depthwiseConv2d(x, filter, 1, 1)],
    'strided depthwise convolution': [16, [3, 3, 16, 1], (x, filter) => depthwiseConv2d(x, filter, 2, 1)],
    'wide depthwise convolution': [16, [5, 5, 16, 1], (x, filter) => depthwiseConv2d(x, filter, 1, 2)],
    'batch norm': [16, [3, 3, 16, 16], between(norm)],
    'batch norm of broken vectors': [12, [3, 3, 12, 12], between(norm)],
    relu: [16, [3, 3, 16, 16], between(relu)],
    'hard swish': [16, [3, 3, 16, 16], between(hardSwish)],
    swish: [16, [3, 3, 16, 16], between(swish)],
    'mean of a window': [16, [3, 3, 16, 16], between(x => averagePool(x, 2))],
    'largest of a window': [16, [3, 3, 16, 16], between(x => maxPool(x, 3, 2, 1))],
    'scaled channels': [16, [3, 3, 16, 16], between(x => tf.mul(x, tf.mean(x, [1, 2], true)))],
  };

  /**
   * Where the slope jumps, values that rounding moves across the jump, a share of about its size, are wrong altogether: in a norm the
   * root of that share.
   */
  const jumping = ['relu', 'hard swish', 'largest of a window'];
  it.each(Object.entries(cases))('%s', (title, [channels, shape, f]) => {
    const bound = jumping.includes(title) ? Math.sqrt(spacing) : 4 * spacing;
    const given = {
      x: tf.randomNormal([4, 12, 12, channels], 0, 1, 'float32', 5),
      filter: tf.randomNormal([...shape], 0, 0.2, 'float32', 6),
    };
    const step = ({ x, filter }: typeof given, { weight }: { weight: tf.Tensor }) => {
      const { gradients, auxiliary } = differentiate({ x, filter }, given => {
        const y = f(given.x as tf.Tensor4D, given.filter as tf.Tensor4D);
        return { loss: tf.sum(tf.mul(y, weight)), auxiliary: y };
      });
      return { y: auxiliary, ...gradients };
    };
    const weight = tf.randomNormal(
      f(given.x as tf.Tensor4D, given.filter as tf.Tensor4D).shape,
      0,
      1,
      'float32',
      7,
    );
    const compute = (precision: Precision) => compile(step, { precision })(given, { weight });
    const [narrow, wide] = [compute('bfloat16'), compute('float32')] as Record<string, tf.Tensor>[];
    for (const [name, expected] of Object.entries(wide ?? {})) {
      const error = distance(narrow?.[name] as tf.Tensor, expected);
      expect([name, error]).toEqual([name, expect.toSatisfy((error: number) => error > 0 && error < bound)]);
    }
  });
});

describe('the graph in bfloat16', () => {
  const rewritten = (): Graph => {
    const { variables, batch } = example();
    return inBfloat16(backend().binding, record(trainingStep, variables, batch, false).graph);
  };
  const operations = ({ nodes }: Graph): Operation[] =>
    [...nodes.values()].filter(node => node.kind === 'operation');
  const typeOf = ({ attributes }: Operation): unknown => attributes.find(({ name }) => name === 'T')?.value;

  it('computes every product in bfloat16, softmax and what follows linear layers in float32', () => {
    const found = operations(rewritten());
    const products = found.filter(({ op }) => /^(Conv2D|BatchMatMul|MatMul)/.test(op));
    expect(products.length).toBeGreaterThan(20);
    expect(new Set(products.map(typeOf))).toEqual(new Set([14]));
    const after = found.filter(({ op }) => /^(SoftmaxCross|Tanh|Sigmoid)/.test(op));
    expect(after.length).toBeGreaterThan(3);
    expect(new Set(after.map(typeOf))).toEqual(new Set([1]));
  });

  it('keeps the statistics of batch norm in float32', () => {
    const graph = rewritten();
    const norms = [...graph.nodes].filter(
      ([, node]) => node.kind === 'operation' && node.op.startsWith('FusedBatchNorm'),
    );
    expect(norms.length).toBeGreaterThan(0);
    for (const [name] of norms) expect(graph.tensors.get(`${name}:1`)?.dtype).toBe(1);
  });

  it('casts nothing twice, and nothing back at once', () => {
    const graph = rewritten();
    const casts = [...graph.nodes].filter(([name]) => name.endsWith('_cast'));
    const inputs = casts.map(([, node]) => (node as Operation).inputs[0]);
    expect(casts.length).toBeGreaterThan(0);
    expect(new Set(inputs).size).toBe(inputs.length);
    expect(inputs.filter(input => input?.includes('_cast'))).toEqual([]);
  });
});
