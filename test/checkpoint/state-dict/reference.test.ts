import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { paperConfigs } from '../../../training/paper.js';
import type { PyTorchValue } from '../../../src/checkpoint/pytorch/index.js';
import { adoptReference, readReference } from '../../../src/checkpoint/state-dict/reference.js';
import type { TensorData } from '../../../src/checkpoint/tensor-data.js';
import { startEngine } from '../../../src/engine/start.js';
import { disposeTree } from '../../../src/engine/tensor-tree.js';
import { CheckpointError } from '../../../src/errors/index.js';
import { networks } from '../../../src/encoders/registry.js';
import { ModelConfig } from '../../../src/model/config.js';
import { GFNet } from '../../../src/model/gfnet.js';
import { anytimeGFNet } from '../../../src/model/locators.js';
import { Runner } from '../../../src/model/runner.js';
import type { LayerCost } from '../../../src/nn/scope.js';
import { multiAddsOf } from '../../../src/nn/scope.js';
import { errorOf } from '../../helpers/error-of.js';
import { encoderWeights, otherWeights, pseudo } from '../../helpers/pseudo.js';
import { expectClose, fixture } from '../../helpers/pytorch.js';

beforeAll(() => startEngine());

const shapes = z.record(z.string(), z.array(z.number()));
const { networks: described } = z
  .object({
    networks: z.record(
      z.string(),
      z.object({
        multiAdds: z.array(z.number()),
        parameters: z.object({ encoder: z.number(), classifier: z.number(), policy: z.number() }),
        state: z.object({ model_state_dict: shapes, fc: shapes, policy: shapes }).optional(),
      }),
    ),
  })
  .parse(
    JSON.parse(readFileSync(join(import.meta.dirname, '../../fixtures/pytorch/reference.json'), 'utf8')),
  );
const expected = fixture('reference');
const classes = Array.from({ length: 1000 }, (_, i) => String(i));
const images = 2;

function configOf(label: string): ModelConfig {
  const network = paperConfigs[label]?.network;
  const published = networks
    .get(network?.encoder.name ?? '')
    ?.weights.find(({ publisher }) => publisher === 'GFNet');
  return ModelConfig.parse({ ...network, side: published?.preprocessing.side, channels: 3, classes });
}

const float = (shape: readonly number[], values: Float32Array): TensorData => ({
  dtype: 'float32',
  shape,
  values,
});

/** What the reference's checkpoint holds, its weights made from their names as reference.py makes them. */
function checkpointOf(label: string): Map<string, PyTorchValue> {
  const [, name, patch] = /^gfnet-(.+)-(\d+)-t\d$/.exec(label) ?? [];
  const { state, multiAdds } = described[label] ?? {};
  if (!state) throw new RangeError(label);
  const encoder = (part: string): Map<string, PyTorchValue> =>
    new Map(
      Object.entries(state.model_state_dict).map(([key, shape]) => [
        `module.${key}`,
        key.endsWith('num_batches_tracked')
          ? { dtype: 'int32', shape, values: new Int32Array(1) }
          : float(shape, encoderWeights(key, shape, `${part}/${key}`)),
      ]),
    );
  const other = (part: 'fc' | 'policy'): Map<string, PyTorchValue> =>
    new Map(
      Object.entries(state[part]).map(([key, shape]) => [
        key,
        float(shape, otherWeights(shape, `${part}/${key}`)),
      ]),
    );
  return new Map<string, PyTorchValue>([
    ['model_name', name ?? ''],
    ['patch_size', Number(patch)],
    ['flops', multiAdds ?? []],
    ['model_prime_state_dict', encoder('model_prime_state_dict')],
    ['model_state_dict', encoder('model_state_dict')],
    ['fc', other('fc')],
    ['policy', other('policy')],
  ]);
}

describe.each(Object.keys(described))('%s', label => {
  it('costs what the reference’s network does, and has as many parameters', () => {
    const { multiAdds, parameters } = described[label] ?? {};
    const { variables, costs } = new GFNet(configOf(label)).initialise('zeros');
    const steps = [costs.glance, ...costs.focus.map((focus): LayerCost[] => [...focus, ...costs.policy])];
    // Theirs counts the classifier's last layer at a RegNet's glance too, which its head answers; ours the critic, which only training asks.
    for (const [t, step] of steps.entries()) {
      const counted = multiAddsOf(step);
      const unused = label.includes('regnet') && t === 0 ? 1024 * 1000 : 0;
      const theirs = (multiAdds?.[t] ?? NaN) - unused;
      expect(counted / theirs - 1).toBeGreaterThanOrEqual(0);
      expect(counted / theirs - 1).toBeLessThan(1e-3);
    }
    const size = (part: string): number =>
      Object.entries(variables.parameters)
        .filter(([name]) => name.startsWith(`${part}.`))
        .reduce((sum, [, tensor]) => sum + tensor.size, 0);
    expect(size('global')).toBe(parameters?.encoder);
    expect(size('local')).toBe(parameters?.encoder);
    expect(size('policy')).toBe(parameters?.policy);
    disposeTree(variables);
  });
});

describe.each(Object.entries(described).flatMap(([label, { state }]) => (state ? [label] : [])))(
  '%s',
  label => {
    const checkpoint = checkpointOf(label);

    it('looks where the reference looks and answers what it answers', () => {
      const reference = readReference(checkpoint, 'file');
      const config = configOf(label);
      expect([reference?.network, reference?.patch, reference?.steps]).toEqual([
        config.encoder.name,
        config.patch,
        config.steps,
      ]);
      if (!reference) throw new RangeError(label);
      const gfnet = new GFNet(config);
      const variables = adoptReference(gfnet, reference, 'file');
      const { variables: unused, costs } = gfnet.initialise('zeros');
      disposeTree(unused);
      const { mean, std } = config;
      // The fixture's images are normalised already.
      const theirs = tf.transpose(
        tf.tensor4d(pseudo('images/224', images * 3 * 224 * 224), [images, 3, 224, 224]),
        [0, 2, 3, 1],
      );
      const pixels = tf.add(tf.mul(theirs, std), mean);
      const runner = new Runner(anytimeGFNet(gfnet, costs, () => variables, 'learned'));
      const steps = [...runner.run(pixels.dataSync<'float32'>(), [])];
      expect(steps).toHaveLength(config.steps);
      for (const [t, { logits, actions }] of steps.entries()) {
        if (actions)
          expectClose(tf.tensor2d(actions, [images, 2]), expected.tensor(`${label}/actions/${t}`), 1e-4);
        expectClose(tf.tensor2d(logits, [images, 1000]), expected.tensor(`${label}/logits/${t}`), 1e-4);
      }
      runner.dispose();
      disposeTree(variables);
    });

    it('is loaded whole or not at all, and what is wrong is listed', () => {
      const broken = new Map(checkpoint);
      const policy = new Map(checkpoint.get('policy') as Map<string, PyTorchValue>);
      const critic = policy.get('critic.0.bias') as TensorData;
      policy.delete('critic.0.bias');
      policy.set('critic.0.offset', critic);
      policy.set('actor.0.bias', float([3], new Float32Array(3)));
      broken.set('policy', policy);
      const before = tf.memory().numTensors;
      const reference = readReference(broken, 'file.pth.tar');
      if (!reference) throw new RangeError(label);
      const error = errorOf(() => adoptReference(new GFNet(configOf(label)), reference, 'file.pth.tar'));
      expect(error).toBeInstanceOf(CheckpointError);
      expect(error.message).toMatch(/file\.pth\.tar: policy/);
      expect(error.message).toMatch(/missing: critic\.0\.bias \[1\]\n/);
      expect(error.message).toMatch(/unexpected: critic\.0\.offset\n/);
      expect(error.message).toMatch(/of another shape: actor\.0\.bias: float32 \[3\], not \[2\]\n/);
      expect(tf.memory().numTensors).toBe(before);
    });
  },
);
