import * as tf from '@tensorflow/tfjs-core';
import type { Tensor, Tensor4D } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { small } from '../../src/encoders/small.js';
import type { Tensors } from '../../src/engine/gradients.js';
import { differentiate } from '../../src/engine/gradients.js';
import { startEngine } from '../../src/engine/start.js';
import { linear } from '../../src/nn/layers.js';
import type { Scope, Variables } from '../../src/nn/scope.js';
import { apply, build } from '../../src/nn/scope.js';
import { stream } from '../../src/random/index.js';
import type { Fixture } from '../helpers/pytorch.js';
import { expectClose, fixture } from '../helpers/pytorch.js';

beforeAll(() => startEngine());

const outputs = ['map', 'feature', 'logits'] as const;
type Outputs = Readonly<Record<(typeof outputs)[number], Tensor>>;

/** The encoder with its head, as the fixture's. */
const networkOf =
  (stem: 1 | 2) =>
  (scope: Scope, images: Tensor4D): Outputs => {
    const { map, pooled } = small({ name: 'small', widths: [4, 6, 8], stem })(scope, images);
    return { map, feature: pooled, logits: linear(scope.at('head'), pooled, 3) };
  };

/** PyTorch's name of a variable. */
function theirs(name: string): string {
  return name
    .replace('first.conv', 'conv1')
    .replace('first.bn', 'bn1')
    .replace('second.conv', 'conv2')
    .replace('second.bn', 'bn2')
    .replace('.conv.', '.0.')
    .replace('.bn.', '.1.');
}

/** A tensor of the fixture in our layout; `rank` tells what it is. */
function read(f: Fixture, name: string, rank: number): Tensor {
  if (rank === 4) return f.filter(name);
  return rank === 2 ? f.matrix(name) : f.tensor(name);
}

function output(f: Fixture, group: string, name: keyof Outputs): Tensor {
  return name === 'map' ? f.image(`${group}/${name}`) : f.tensor(`${group}/${name}`);
}

/** The network's variables with the fixture's values. */
function variables(network: ReturnType<typeof networkOf>, f: Fixture, group: string): Variables {
  const made = build(stream(0), scope => network(scope, tf.zeros([1, 13, 13, 2])));
  const taken = (tensors: Tensors, from: string): Tensors =>
    Object.fromEntries(
      Object.entries(tensors).map(([name, { rank }]) => [name, read(f, `${from}/${theirs(name)}`, rank)]),
    );
  return { parameters: taken(made.parameters, 'weight'), statistics: taken(made.statistics, group) };
}

describe.each([
  [1, 'encoder'],
  [2, 'encoder-stem2'],
] as const)('encoder `small` with a stem of stride %i equals PyTorch', (stem, name) => {
  const network = networkOf(stem);

  it('training: outputs, running statistics, gradients of the images and of every parameter', () => {
    const f = fixture(name);
    const { parameters, statistics } = variables(network, f, 'weight');
    const { gradients, auxiliary } = differentiate(
      { ...parameters, images: f.image('input') },
      ({ images, ...parameters }) => {
        const run = apply({ parameters, statistics }, true, scope => network(scope, images as Tensor4D));
        const terms = outputs.map((name): tf.Scalar =>
          tf.sum(tf.mul(run.result[name], output(f, 'grad/output', name))),
        );
        return { loss: tf.addN(terms), auxiliary: run };
      },
    );
    for (const name of outputs) {
      expectClose(auxiliary.result[name], output(f, 'expected/train', name));
    }
    for (const [name, statistic] of Object.entries(auxiliary.statistics)) {
      expectClose(statistic, f.tensor(`after/${theirs(name)}`));
    }
    const { images, ...rest } = gradients;
    expectClose(images as Tensor, f.image('grad/input'));
    const expected = f.names.filter(name => name.startsWith('grad/') && !/^grad\/(input$|output)/.test(name));
    expect(Object.keys(rest).map(name => `grad/${theirs(name)}`)).toEqual(expect.arrayContaining(expected));
    for (const [name, gradient] of Object.entries(rest)) {
      expectClose(gradient, read(f, `grad/${theirs(name)}`, gradient.rank), 2e-5);
    }
  });

  it('evaluation, with the statistics that training left', () => {
    const f = fixture(name);
    const { result, statistics } = apply(variables(network, f, 'after'), false, scope =>
      network(scope, f.image('input')),
    );
    for (const name of outputs) expectClose(result[name], output(f, 'expected/eval', name));
    for (const [name, statistic] of Object.entries(statistics)) {
      expectClose(statistic, f.tensor(`after/${theirs(name)}`), 1e-9);
    }
  });
});
