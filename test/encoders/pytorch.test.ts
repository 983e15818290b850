import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor, Tensor2D, Tensor4D } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createEncoder, EncoderConfig } from '../../src/encoders/registry.js';
import type { Tensors } from '../../src/engine/gradients.js';
import { differentiate } from '../../src/engine/gradients.js';
import { startEngine } from '../../src/engine/start.js';
import { linear } from '../../src/nn/layers.js';
import type { Scope, Variables } from '../../src/nn/scope.js';
import { apply, build, multiAddsOf } from '../../src/nn/scope.js';
import { expectClose, fixture } from '../helpers/pytorch.js';
import { digest, encoderWeights, pseudo } from '../helpers/pseudo.js';

beforeAll(() => startEngine());

const sides = [96, 128, 224] as const;
const { encoders } = z
  .object({
    encoders: z.record(
      z.string(),
      z.object({ parameters: z.number(), multiAdds: z.record(z.string(), z.number()) }),
    ),
  })
  .parse(JSON.parse(readFileSync(join(import.meta.dirname, '../fixtures/pytorch/encoders.json'), 'utf8')));
const expected = fixture('encoders');
const classes = 10;
const probes = 2;
const batch = 4;

/** PyTorch's order of the axes of a tensor of ours. */
function theirAxes({ rank, shape }: Tensor): number[] {
  if (rank === 4) return shape[3] === 1 ? [2, 3, 0, 1] : [3, 2, 0, 1];
  return rank === 2 ? [1, 0] : [0];
}

const theirs = (tensor: Tensor): Tensor => tf.transpose(tensor, theirAxes(tensor));

/** The value that the fixture's script gave the variable `name`, in our layout. */
function value(name: string, ours: Tensor): Tensor {
  const { shape } = theirs(ours);
  const axes = theirAxes(ours);
  return tf.transpose(
    tf.tensor(encoderWeights(name, shape), shape),
    axes.map((_, axis) => axes.indexOf(axis)),
  );
}

/** Images [n, side, side, 3] that the fixture's script made as [n, 3, side, side]. */
function images(name: string, n: number, side: number): Tensor4D {
  return tf.transpose(
    tf.tensor4d(pseudo(`images/${name}`, n * 3 * side * side), [n, 3, side, side]),
    [0, 2, 3, 1],
  );
}

describe.each(Object.keys(encoders))('%s equals PyTorch’s', name => {
  const encode = createEncoder(EncoderConfig.parse({ name }));
  const heads = { resnet: 'fc', regnet: 'head.fc' };
  const head = Object.entries(heads).find(([family]) => name.startsWith(family))?.[1] ?? 'classifier';
  const network = (scope: Scope, x: Tensor4D): Tensor2D =>
    linear(scope.at(head), encode(scope, x).pooled, classes);
  let variables: Variables;
  const costs: Record<string, number> = {};

  beforeAll(() => {
    const made = build('zeros', (scope, spent) => {
      for (const side of sides) {
        network(scope, tf.zeros([1, side, side, 3]));
        costs[side] = multiAddsOf(spent());
      }
    });
    const filled = (tensors: Tensors): Tensors =>
      Object.fromEntries(Object.entries(tensors).map(([key, tensor]) => [key, value(key, tensor)]));
    variables = { parameters: filled(made.parameters), statistics: filled(made.statistics) };
  });

  it('in parameters and Multi-Adds', () => {
    const { parameters, multiAdds } = encoders[name] ?? {};
    const [width = NaN] = variables.parameters[`${head}.weight`]?.shape ?? [];
    const own = Object.values(variables.parameters).reduce((sum, { size }) => sum + size, 0);
    // The fixture's have 1000 classes.
    expect(own + (1000 - classes) * (width + 1)).toBe(parameters);
    for (const side of sides) {
      expect((costs[side] ?? 0) + (1000 - classes) * width).toBe(multiAdds?.[side]);
    }
  });

  it.each([96, 224])('in evaluation at %i px', side => {
    const { result } = apply(variables, false, scope => network(scope, images(`${side}`, 2, side)));
    expectClose(result, expected.tensor(`${name}/eval/${side}`), 1e-4);
  });

  it('in training: logits, gradients of every parameter, running statistics', () => {
    const { parameters, statistics } = variables;
    const cotangent = tf.tensor2d(pseudo('cotangent', batch * classes), [batch, classes]);
    const { gradients, auxiliary } = differentiate(parameters, parameters => {
      const run = apply({ parameters, statistics }, true, scope =>
        network(scope, images('train', batch, 64)),
      );
      return {
        loss: tf.sum(tf.mul(run.result, cotangent)),
        auxiliary: { logits: run.result, statistics: run.statistics },
      };
    });
    expectClose(auxiliary.logits, expected.tensor(`${name}/train`), 1e-4);
    /** Those further off than `tolerance` of their norm; one that is next to zero by symmetry counts as a tenth of the usual. */
    const differ = (group: string, tensors: Tensors, tolerance: number): string[] => {
      const right = new Map(
        Object.keys(tensors).map(key => [key, [...expected.tensor(`${name}/${group}/${key}`).dataSync()]]),
      );
      const norms = [...right.values()].map(([norm = NaN]) => norm).sort((a, b) => a - b);
      const usual = norms[norms.length >> 1] ?? NaN;
      return Object.entries(tensors).flatMap(([key, tensor]) => {
        const [norm = NaN, ...products] = right.get(key) ?? [];
        const own = digest(key, theirs(tensor).dataSync<'float32'>(), probes);
        const off = Math.max(...own.map((number, i) => Math.abs(number - ([norm, ...products][i] ?? NaN))));
        const relative = off / Math.max(norm, usual / 10);
        return relative < tolerance ? [] : [`${group} of ${key}: off by ${relative.toExponential(1)}`];
      });
    };
    expect(differ('grad', gradients, 1e-3)).toEqual([]);
    expect(differ('after', auxiliary.statistics, 1e-4)).toEqual([]);
  });
});
