import * as tf from '@tensorflow/tfjs-core';
import type { Tensor, Tensor4D } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Features } from '../../src/encoders/encoder.js';
import { createEncoder, EncoderConfig } from '../../src/encoders/registry.js';
import { compile } from '../../src/engine/compile.js';
import { differentiate } from '../../src/engine/gradients.js';
import { startEngine } from '../../src/engine/start.js';
import { disposeTree, leaves, tidyTree } from '../../src/engine/tensor-tree.js';
import type { Variables } from '../../src/nn/scope.js';
import { apply, build, multiAddsOf } from '../../src/nn/scope.js';
import { stream } from '../../src/random/index.js';
import { fromTensor, normals, sum } from '../helpers/array.js';
import { smallMultiAdds } from '../helpers/multi-adds.js';
import { expectClose } from '../helpers/pytorch.js';

beforeAll(() => startEngine());

interface Example {
  readonly options: Readonly<Record<string, unknown>>;
  /** By hand, of one image. */
  readonly multiAdds: (side: number, channels: number) => number;
}

const examples: readonly Example[] = [
  {
    options: { name: 'small', widths: [6, 8, 12] },
    multiAdds: (side, channels) => smallMultiAdds([6, 8, 12], side, channels),
  },
  {
    options: { name: 'small', widths: [6, 8], stem: 2 },
    multiAdds: (side, channels) => smallMultiAdds([6, 8], side, channels, 2),
  },
];

describe.each(examples)('encoder $options', ({ options, multiAdds }) => {
  const encode = createEncoder(EncoderConfig.parse(options));
  const name = JSON.stringify(options);
  const make = (side: number, channels: number): { variables: Variables; multiAdds: number } => {
    let cost = 0;
    const variables = build(stream(3, name), (scope, spent) => {
      encode(scope, tf.zeros([1, side, side, channels]));
      cost = multiAddsOf(spent());
    });
    return { variables, multiAdds: cost };
  };
  const images = (side: number, channels: number): Tensor4D =>
    normals(`${name} images`, [4, side, side, channels]).tensor();
  const run = (variables: Variables, { x }: { x: Tensor4D }): Features =>
    apply(variables, false, scope => encode(scope, x)).result;

  it.each([
    [20, 1],
    [28, 3],
    [33, 1],
  ])('counts the Multi-Adds of a formula, %i pixels, %i channels', (side, channels) => {
    expect(make(side, channels).multiAdds).toBe(multiAdds(side, channels));
  });

  it('pools its map: the mean over places', () => {
    const features = run(make(21, 1).variables, { x: images(21, 1) });
    const [map, pooled] = [fromTensor(features.map), fromTensor(features.pooled)];
    const [n = 0, height = 0, width = 0, channels = 0] = map.shape;
    expect(pooled.shape).toEqual([n, channels]);
    for (let i = 0; i < n; i++)
      for (let c = 0; c < channels; c++) {
        const mean = sum([height, width], (y, x) => map.at(i, y, x, c)) / (height * width);
        expect(pooled.at(i, c)).toBeCloseTo(mean, 5);
      }
  });

  it('gives every parameter a gradient', () => {
    const { parameters, statistics } = make(21, 3).variables;
    const x = images(21, 3);
    const { gradients } = differentiate(parameters, parameters => {
      const { map, pooled } = apply({ parameters, statistics }, true, scope => encode(scope, x)).result;
      const weighted = (tensor: Tensor): tf.Scalar =>
        tf.sum(tf.mul(tensor, normals('weights', tensor.shape).tensor()));
      return { loss: tf.add(weighted(map), weighted(pooled)), auxiliary: [] };
    });
    const unmoved = Object.entries(gradients).filter(([, gradient]) =>
      gradient.dataSync().every(value => value === 0),
    );
    expect(unmoved.map(([parameter]) => parameter)).toEqual([]);
  });

  it('answers each image alone, in evaluation', () => {
    const { variables } = make(20, 1);
    const x = images(20, 1);
    const all = run(variables, { x });
    const third = run(variables, { x: tf.slice(x, 2, 1) });
    expectClose(third.map, tf.slice(all.map, 2, 1), 1e-6);
    expectClose(third.pooled, tf.slice(all.pooled, 2, 1), 1e-6);
  });

  it('starts from weights that its random numbers determine', () => {
    const [one, two] = [leaves(make(20, 1).variables), leaves(make(20, 1).variables)];
    expect(one.map(tensor => tensor.dataSync())).toEqual(two.map(tensor => tensor.dataSync()));
  });

  it('is the same compiled, and leaves no tensor', () => {
    const { variables } = make(20, 1);
    const batch = { x: images(20, 1) };
    const compiled = compile(run);
    const before = tf.memory().numTensors;
    const [a, b] = [compiled(variables, batch), tidyTree(() => run(variables, batch))];
    expectClose(a.map, b.map, 1e-6);
    expectClose(a.pooled, b.pooled, 1e-6);
    disposeTree([a, b]);
    expect(tf.memory().numTensors).toBe(before);
    compiled.dispose();
  });
});
