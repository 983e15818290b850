import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { adoptBackbone, classesOf, isTorchvision } from '../../../src/checkpoint/state-dict/backbone.js';
import { startEngine } from '../../../src/engine/start.js';
import { disposeTree } from '../../../src/engine/tensor-tree.js';
import { CheckpointError } from '../../../src/errors/index.js';
import { StaticConfig } from '../../../src/model/config.js';
import { Runner } from '../../../src/model/runner.js';
import { StaticNetwork } from '../../../src/model/static.js';
import { errorOf } from '../../helpers/error-of.js';
import { pseudo } from '../../helpers/pseudo.js';
import { expectClose, fixture } from '../../helpers/pytorch.js';
import { torchvisionNetworks, torchvisionState } from '../../helpers/torchvision.js';

beforeAll(() => startEngine());

const side = 96;
const images = 2;
const classes = Array.from({ length: 10 }, (_, i) => String(i));

describe.each(torchvisionNetworks)('torchvision’s %s', name => {
  const network = new StaticNetwork(
    StaticConfig.parse({
      encoder: { name },
      side,
      input: side,
      channels: 3,
      classes,
      // The fixture's images are normalised already.
      mean: [0, 0, 0],
      std: [1, 1, 1],
    }),
  );

  it('answers here what it answers in PyTorch', () => {
    const state = torchvisionState(name);
    expect([isTorchvision(state), classesOf(state)]).toEqual([true, classes.length]);
    const variables = adoptBackbone(network, state, 'file');
    const pixels = tf.transpose(
      tf.tensor4d(pseudo(`images/${side}`, images * 3 * side * side), [images, 3, side, side]),
      [0, 2, 3, 1],
    );
    const runner = new Runner(network.anytime(() => variables, 0));
    const [answer] = [...runner.run(pixels.dataSync<'float32'>(), [])];
    expectClose(
      tf.tensor2d(answer?.logits ?? [], [images, classes.length]),
      fixture('torchvision-names').tensor(name),
      1e-4,
    );
    runner.dispose();
    disposeTree(variables);
  });

  it('is refused with what is missing and what is not known', () => {
    const state = torchvisionState(name);
    const [last = ''] = [...state.keys()].filter(key => key.endsWith('.running_var')).slice(-1);
    const variance = state.get(last);
    if (!variance) throw new RangeError(last);
    state.delete(last);
    state.set('features.99.weight', variance);
    const error = errorOf(() => adoptBackbone(network, state, 'file.pth'));
    expect(error).toBeInstanceOf(CheckpointError);
    expect(error.message).toContain(`${last} [`);
    expect(error.message).toMatch(/unexpected: features\.99\.weight\n/);
  });
});
