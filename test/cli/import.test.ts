import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { writeParts } from '../../src/checkpoint/parts.js';
import { encodeSafetensors } from '../../src/checkpoint/safetensors.js';
import { ofEncoder } from '../../src/checkpoint/state-dict/names.js';
import type { TensorData } from '../../src/checkpoint/tensor-data.js';
import { startEngine } from '../../src/engine/start.js';
import { exitCodes } from '../../src/errors/index.js';
import { StaticConfig } from '../../src/model/config.js';
import { Runner } from '../../src/model/runner.js';
import { StaticNetwork } from '../../src/model/static.js';
import { loadModel, targetOf } from '../../src/predict/load.js';
import { temporaryFolder } from '../checkpoint/support.js';
import { encoderWeights, pseudo } from '../helpers/pseudo.js';
import { expectClose, fixture } from '../helpers/pytorch.js';
import { gfnet } from './support.js';

beforeAll(() => startEngine());

const folder = temporaryFolder();
const name = 'mobilenetv3_small_100';
const classes = Array.from({ length: 10 }, (_, i) => `class ${i}`);
const images = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/** timm's state dict of the network, with the weights that the fixture's script gave it. */
function stateDict(): Map<string, TensorData> {
  const config = StaticConfig.parse({ encoder: { name }, side: 224, input: 224, channels: 3, classes });
  const { variables } = new StaticNetwork(config).initialise('zeros');
  return new Map(
    Object.entries({ ...variables.parameters, ...variables.statistics }).map(([own, tensor]) => {
      const { names, shape } = ofEncoder(own, tensor.shape);
      const key = own.startsWith('head.') ? own.replace('head', 'classifier') : (names[0] ?? '');
      return [key, { dtype: 'float32', shape, values: encoderWeights(key, shape) }];
    }),
  );
}

describe('gfnet import', () => {
  const file = join(folder, 'weights.safetensors');

  it('makes a model of a state dict that answers what PyTorch’s network answers', () => {
    writeParts(file, encodeSafetensors(stateDict()));
    writeFileSync(join(folder, 'classes.txt'), `${classes.join('\n')}\n`);
    const args = ['import', 'weights.safetensors', '--network', name, '--classes', 'classes.txt'];
    const { code, stdout, stderr } = gfnet(folder, ...args, '--out', 'model');
    expect([code, stderr]).toEqual([exitCodes.ok, '']);
    expect(stdout).toMatch(/gfnet train stage1 --from model/);

    const loaded = loadModel(join(folder, 'model'));
    const { model } = loaded;
    // timm's own configuration of these weights: see test/fixtures/pytorch/preprocessing.json.
    expect(targetOf(loaded)).toMatchObject({ height: 224, resize: 256, interpolation: 'bicubic' });
    expect([model.classes, model.side, model.channels]).toEqual([classes, 224, 3]);
    const theirs = tf.transpose(
      tf.tensor4d(pseudo('images/224', 2 * 3 * 224 * 224), [2, 3, 224, 224]),
      [0, 2, 3, 1],
    );
    const pixels = tf.add(tf.mul(theirs, images.std), images.mean).dataSync<'float32'>();
    const [answer, ...more] = [...new Runner(model).run(pixels, [])];
    expect(more).toEqual([]);
    const expected = fixture('encoders').tensor(`${name}/eval/224`);
    expectClose(tf.tensor2d(answer?.logits ?? [], [2, 10]), expected, 1e-4);

    expect(gfnet(folder, ...args, '--out', 'model').stderr).toMatch(/output folder is not empty/);
  });

  it.each([
    ['a file that is missing', ['none.pth', '--network', name], [/none\.pth/, /cannot be read/]],
    ['weights without their network', ['weights.safetensors'], [/--network/]],
    [
      'a network that is none',
      ['weights.safetensors', '--network', 'resnet5'],
      [/unknown network \(did you mean "resnet50"\?\)/],
    ],
    [
      'another network',
      ['weights.safetensors', '--network', 'resnet18'],
      [/missing: conv1\.weight/, /unexpected: .*blocks\.0\.0/, /and \d+ more/],
    ],
    [
      'looks of a single encoder',
      ['weights.safetensors', '--network', name, '--steps', '3'],
      [/--steps is for the checkpoints of a GFNet/],
    ],
    [
      'weights that are none of the network’s',
      ['weights.safetensors', '--network', name, '--weights', 'lamb'],
      [/unknown weights of mobilenetv3_small_100/, /mobilenetv3_small_100\.lamb_in1k/],
    ],
    [
      'names that are not as many as the classes',
      ['weights.safetensors', '--network', name, '--classes', 'one.txt'],
      [/1 lines in one\.txt/, /allowed: +10/],
    ],
    [
      'a network of those names that pads otherwise',
      ['b0.safetensors', '--network', 'efficientnet_b0'],
      [/unexpected: _blocks\.0\._se_reduce\.weight/],
    ],
    ['what is no such file', ['one.txt', '--network', name], [/cannot be read as a PyTorch file/]],
  ])('refuses %s', (_, args, messages) => {
    writeFileSync(join(folder, 'one.txt'), 'a single class\n');
    const squeeze: TensorData = { dtype: 'float32', shape: [8, 32, 1, 1], values: new Float32Array(256) };
    const head: TensorData = { dtype: 'float32', shape: [10], values: new Float32Array(10) };
    const b0 = new Map([
      ['_blocks.0._se_reduce.weight', squeeze],
      ['_fc.bias', head],
    ]);
    writeParts(join(folder, 'b0.safetensors'), encodeSafetensors(b0));
    const { code, stdout, stderr } = gfnet(folder, 'import', ...args, '--out', 'refused');
    for (const message of messages) expect(stderr).toMatch(message);
    expect([stdout, code]).toEqual(['', exitCodes.badInput]);
  });
});
