import * as tf from '@tensorflow/tfjs-core';
import type { Tensor2D, Tensor4D } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { createEncoder } from '../../src/encoders/registry.js';
import type { Features } from '../../src/encoders/encoder.js';
import type { Tensors } from '../../src/engine/gradients.js';
import { startEngine } from '../../src/engine/start.js';
import { disposeTree, leaves } from '../../src/engine/tensor-tree.js';
import { GFNet } from '../../src/model/gfnet.js';
import type { Look } from '../../src/model/gfnet.js';
import { resize } from '../../src/nn/resize.js';
import type { Variables } from '../../src/nn/scope.js';
import { apply, multiAddsOf } from '../../src/nn/scope.js';
import { decide, readMap } from '../../src/policy/index.js';
import { stream } from '../../src/random/index.js';
import type { NdArray } from '../helpers/array.js';
import { build, fromTensor } from '../helpers/array.js';
import { gruMultiAdds, smallMultiAdds } from '../helpers/multi-adds.js';
import * as naive from '../helpers/naive.js';
import { classifiers, noise, smallConfig, smallNetwork } from '../helpers/network.js';
import { expectClose } from '../helpers/pytorch.js';

beforeAll(() => startEngine());

/** The variables of one part, by their names within it. */
function part({ parameters, statistics }: Variables, name: string): Variables {
  const within = (tensors: Tensors): Tensors =>
    Object.fromEntries(
      Object.entries(tensors)
        .filter(([path]) => path.startsWith(`${name}.`))
        .map(([path, tensor]) => [path.slice(name.length + 1), tensor]),
    );
  return { parameters: within(parameters), statistics: within(statistics) };
}

function parameter({ parameters }: Variables, name: string): NdArray {
  const tensor = parameters[name];
  if (!tensor) throw new RangeError(name);
  return fromTensor(tensor);
}

function layer(variables: Variables, name: string, x: NdArray): NdArray {
  return naive.linear(x, parameter(variables, `${name}.weight`), parameter(variables, `${name}.bias`));
}

describe.each(classifiers)('GFNet, %s classifier', kind => {
  const config = smallConfig(kind, { mean: [0.4], std: [0.3], interpolation: 'bicubic' });
  const n = 3;
  const action = (): Tensor2D =>
    tf.tensor2d([
      [0, 1],
      [0.5, 0.3],
      [0.95, 0.1],
    ]);
  const encode = createEncoder(config.encoder);
  const encoded = (variables: Variables, name: string, x: Tensor4D): Features =>
    apply(part(variables, name), false, scope => encode(scope, x)).result;

  /** The classifier's answer from all features so far, by its formula. */
  function answer(variables: Variables, features: readonly NdArray[], glance: NdArray): NdArray {
    const last = features.length - 1;
    if (last === 0 && kind !== 'gru') return glance;
    if (kind !== 'cascade') {
      const weights = {
        weight_ih: parameter(variables, 'classifier.gru.weight_ih'),
        bias_ih: parameter(variables, 'classifier.gru.bias_ih'),
        weight_hh: parameter(variables, 'classifier.gru.weight_hh'),
        bias_hh: parameter(variables, 'classifier.gru.bias_hh'),
      };
      const zero = build([n, 7], () => 0);
      const hidden = features.reduce((hidden, feature) => naive.gru(feature, hidden, weights), zero);
      return layer(variables, 'classifier.fc', hidden);
    }
    const [width = 0] = [features[0]?.shape[1]];
    const seen = build([n, width * features.length], (i, j) => {
      const feature = features[Math.floor(j / width)];
      return feature?.at(i, j % width) ?? NaN;
    });
    return layer(variables, `classifier.fc.${last}`, seen);
  }

  it('glances, decides and focuses as its parts do', () => {
    const { gfnet, variables } = smallNetwork(config);
    const { images } = noise(config, n);
    const normalised = fromTensor(images)
      .map(x => (x - 0.4) / 0.3)
      .tensor<Tensor4D>();
    expectClose(gfnet.normalise(images), normalised, 1e-6);
    const run = <T>(f: (scope: Parameters<GFNet['glance']>[0]) => T): T => apply(variables, false, f).result;

    const glance = run(scope => gfnet.glance(scope, normalised, gfnet.initialMemory(n)));
    const seen = encoded(variables, 'global', resize(normalised, config.patch, 'bicubic'));
    const features = [fromTensor(seen.pooled)];
    const own = layer(variables, 'global.head', fromTensor(seen.pooled));
    expectClose(glance.map, seen.map, 1e-6);
    expectClose(glance.ownLogits, own.tensor());
    expectClose(glance.logits, answer(variables, features, own).tensor());

    const decision = run(scope => gfnet.decide(scope, glance.map, gfnet.initialPolicy(n)));
    const decided = apply(part(variables, 'policy'), false, scope =>
      decide(
        scope,
        config.policy,
        readMap(scope, config.policy, seen.map),
        tf.zeros([n, config.policy.hidden]),
      ),
    ).result;
    expectClose(decision.mean, decided.mean, 1e-6);
    expectClose(decision.hidden, decided.hidden, 1e-6);

    let look: Look = glance;
    for (const t of [1, 2]) {
      look = run(scope => gfnet.focus(scope, t, normalised, action(), look.memory));
      const places = fromTensor(action());
      const pixels = fromTensor(normalised);
      const patches = build([n, config.patch, config.patch, 1], (i, y, x, c) => {
        const [row, column] = [places.at(i, 0), places.at(i, 1)].map(a =>
          Math.floor(a * (config.side - config.patch)),
        );
        return pixels.at(i, (row ?? NaN) + y, (column ?? NaN) + x, c);
      });
      const local = encoded(variables, 'local', patches.tensor());
      features.push(fromTensor(local.pooled));
      expectClose(look.map, local.map, 1e-6);
      expectClose(look.ownLogits, layer(variables, 'local.head', fromTensor(local.pooled)).tensor());
      expectClose(look.logits, answer(variables, features, own).tensor());
    }
  });

  it('counts each step’s Multi-Adds: encoder, its head where that answers, classifier, policy', () => {
    const { costs } = smallNetwork(config);
    const [classes, width, patch, hidden] = [4, 5, 8, 6];
    const encoder = smallMultiAdds([3, width], patch, 1);
    const head = width * classes;
    const gru = gruMultiAdds(width, 7);
    const answer = 7 * classes;
    expect(multiAddsOf(costs.glance) - encoder).toBe(
      { gru: gru + answer, 'gru, glance by the encoder': gru + head, cascade: head }[kind],
    );
    expect(costs.focus.map(multiAddsOf)).toEqual(
      [2, 3].map(seen => encoder + (kind === 'cascade' ? seen * width * classes : gru + answer)),
    );
    const places = (patch / 2) ** 2;
    const state = places * width * 32 + places * 32 * hidden;
    expect(multiAddsOf(costs.policy)).toBe(state + gruMultiAdds(hidden, hidden) + hidden * 2 + hidden);
  });

  it('gives grey images to as many channels as there are means', () => {
    const grey = smallConfig(kind, { mean: [0.4, 0.5, 0.6], std: [0.3] });
    const { gfnet, variables } = smallNetwork(grey);
    const { images } = noise(grey, n);
    const normalised = gfnet.normalise(images);
    const pixels = fromTensor(images);
    const expected = build([n, 17, 17, 3], (i, y, x, c) => (pixels.at(i, y, x, 0) - 0.4 - c / 10) / 0.3);
    expectClose(normalised, expected.tensor());
    expect(variables.parameters['global.stem.conv.weight']?.shape).toEqual([3, 3, 3, 3]);
  });

  it('makes its variables from its random numbers, and no other tensor', () => {
    const gfnet = new GFNet(config);
    const before = tf.memory().numTensors;
    const [one, two, other] = [1, 1, 2].map(seed => gfnet.initialise(stream(seed)).variables);
    const values = (variables: Variables | undefined): unknown =>
      leaves(variables ?? []).map(tensor => tensor.dataSync());
    expect(values(one)).toEqual(values(two));
    expect(values(one)).not.toEqual(values(other));
    disposeTree([one, two, other].map(variables => variables ?? []));
    expect(tf.memory().numTensors).toBe(before);
  });
});
