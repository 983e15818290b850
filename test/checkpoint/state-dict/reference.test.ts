import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
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
import { pseudo } from '../../helpers/pseudo.js';
import { expectClose, fixture } from '../../helpers/pytorch.js';
import { float, referenceCheckpoint, referenceNetworks } from '../../helpers/reference.js';

beforeAll(() => startEngine());

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

describe.each(Object.keys(referenceNetworks))('%s', label => {
  it('costs what the reference’s network does, and has as many parameters', () => {
    const { multiAdds, parameters } = referenceNetworks[label] ?? {};
    const { variables, costs } = new GFNet(configOf(label)).initialise('zeros');
    const steps = [costs.glance, ...costs.focus.map((focus): LayerCost[] => [...focus, ...costs.policy])];
    expect(multiAdds).toHaveLength(steps.length);
    multiAdds?.forEach((parts, t) => {
      const ours = (part: string): number =>
        // The critic is asked in training only; ours counts it all the same.
        multiAddsOf(
          steps[t]?.filter(({ layer }) => layer.startsWith(`${part}.`) && layer !== 'policy.critic') ?? [],
        );
      // Theirs computes the classifier's last layer at a RegNet's glance too, which its head answers.
      const unused = label.includes('regnet') && t === 0 ? 1024 * 1000 : 0;
      expect([ours('global'), ours('local'), ours('classifier'), ours('policy')]).toEqual([
        parts.global,
        parts.local,
        parts.classifier - unused,
        parts.policy,
      ]);
      expect(multiAddsOf(steps[t] ?? [])).toBeLessThan(
        1.001 * Object.values(parts).reduce((sum, part) => sum + part, 0),
      );
    });
    const size = (part: string): number =>
      Object.entries(variables.parameters)
        .filter(([name]) => name.startsWith(`${part}.`))
        .reduce((sum, [, tensor]) => sum + tensor.size, 0);
    expect(size('global')).toBe(parameters?.encoder);
    expect(size('local')).toBe(parameters?.encoder);
    expect(size('policy')).toBe(parameters?.policy);
    // Theirs has cascades for five looks, whatever is asked for.
    const spare = [2, 3, 4, 5].filter(looks => looks > steps.length);
    const width = (variables.parameters['classifier.fc.1.weight']?.shape[0] ?? 0) / 2;
    const unneeded = spare.reduce((sum, looks) => sum + (looks * width + 1) * classes.length, 0);
    expect(size('classifier') + (width > 0 ? unneeded : 0)).toBe(parameters?.classifier);
    disposeTree(variables);
  });
});

describe.each(Object.entries(referenceNetworks).flatMap(([label, { state }]) => (state ? [label] : [])))(
  '%s',
  label => {
    const checkpoint = referenceCheckpoint(label);

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
      expect(error.message).toMatch(/of another shape or type: actor\.0\.bias: float32 \[3\], not \[2\]\n/);
      expect(tf.memory().numTensors).toBe(before);
    });
  },
);
