import * as tf from '@tensorflow/tfjs-core';
import type { Tensor2D } from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { startEngine } from '../../src/engine/start.js';
import type { Scope, Variables } from '../../src/nn/scope.js';
import { apply, build as makeVariables } from '../../src/nn/scope.js';
import type { Decision } from '../../src/policy/index.js';
import { decide, entropy, logProbability, PolicyConfig, readMap } from '../../src/policy/index.js';
import { stream } from '../../src/random/index.js';
import { build, fromTensor, NdArray, normals } from '../helpers/array.js';
import * as naive from '../helpers/naive.js';
import { expectClose } from '../helpers/pytorch.js';

beforeAll(() => startEngine());

/** Density of a Gaussian in one dimension. */
function density(x: number, mean: number, std: number): number {
  return Math.exp(-((x - mean) ** 2) / (2 * std ** 2)) / (std * Math.sqrt(2 * Math.PI));
}

describe('the policy’s Gaussian', () => {
  it('has the density of two independent normal numbers', () => {
    const share = fc.float({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(
        fc.tuple(share, share),
        fc.tuple(share, share),
        fc.constantFrom(0.1, 0.25, 1),
        (action, mean, std) => {
          const [got = NaN] = tf.tidy(() =>
            logProbability(tf.tensor2d([action]), tf.tensor2d([mean]), std).dataSync(),
          );
          // Of the exponents, so that far tails do not underflow.
          const [a, b] = [(action[0] - mean[0]) / std, (action[1] - mean[1]) / std];
          const expected = 2 * Math.log(density(0, 0, std)) - (a * a + b * b) / 2;
          expect(Math.abs(got - expected)).toBeLessThan(1e-5 * Math.max(1, Math.abs(expected)));
        },
      ),
    );
  });

  it.each([0.1, 0.3])('has the entropy of its density, std %d', std => {
    // -integral p log p over +-8 deviations; of two independent dimensions, twice that of one.
    const step = std / 100;
    let integral = 0;
    for (let i = -800; i <= 800; i++) {
      const p = density(i * step, 0, std);
      integral -= p * Math.log(p) * step;
    }
    expect(entropy(std)).toBeCloseTo(2 * integral, 8);
  });
});

const [n, side, channels, hidden] = [3, 2, 4, 5];
const maps = [0, 1].map(t => normals(`map ${t}`, [n, side, side, channels]));

function decisions(config: PolicyConfig, scope: Scope): Decision[] {
  let state: Tensor2D = tf.zeros([n, hidden]);
  return maps.map(map => {
    const decision = decide(scope, config, readMap(scope, config, map.tensor()), state);
    state = decision.hidden;
    return decision;
  });
}

const relu = (x: NdArray): NdArray => x.map(value => Math.max(value, 0));
const flatten = (x: NdArray): NdArray => new NdArray([n, x.values.length / n], x.values);

describe.each(['conv', 'linear'] as const)('decide, %s encoder of the state', encoder => {
  const make = (): { config: PolicyConfig; variables: Variables } => {
    const config = PolicyConfig.parse({ encoder, hidden });
    return { config, variables: makeVariables(stream(2), scope => decisions(config, scope)) };
  };

  it('equals a naive recomputation over two steps, the GRU’s state carried', () => {
    const { config, variables } = make();
    const at = (name: string): NdArray => {
      const tensor = variables.parameters[name];
      if (!tensor) throw new RangeError(name);
      return fromTensor(tensor);
    };
    const layer = (x: NdArray, name: string): NdArray =>
      naive.linear(x, at(`${name}.weight`), at(`${name}.bias`));
    let state = build([n, hidden], () => 0);
    const run = apply(variables, false, scope => decisions(config, scope)).result;
    for (const [t, { mean, value, hidden: next }] of run.entries()) {
      const map = maps[t] as NdArray;
      const read =
        encoder === 'conv'
          ? flatten(relu(naive.conv2d(map, at('state.conv.weight'), 1, 0)))
          : relu(layer(flatten(map), 'state.wide'));
      state = naive.gru(relu(layer(read, 'state.fc')), state, {
        weight_ih: at('gru.weight_ih'),
        bias_ih: at('gru.bias_ih'),
        weight_hh: at('gru.weight_hh'),
        bias_hh: at('gru.bias_hh'),
      });
      expectClose(next, state.tensor());
      expectClose(mean, layer(state, 'actor').map(naive.sigmoid).tensor());
      expectClose(value, new NdArray([n], layer(state, 'critic').values).tensor());
    }
  });

  it('has the widths of the paper’s networks', () => {
    const { variables } = make();
    const [state, width] = encoder === 'conv' ? ['conv', 32] : ['wide', 2 * hidden];
    expect(variables.parameters[`state.${state}.weight`]?.shape.at(-1)).toBe(width);
    expect(variables.parameters['actor.weight']?.shape).toEqual([hidden, 2]);
    expect(variables.parameters['critic.weight']?.shape).toEqual([hidden, 1]);
  });
});
