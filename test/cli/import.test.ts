import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadLatest } from '../../src/checkpoint/checkpoint.js';
import { writeParts } from '../../src/checkpoint/parts.js';
import { encodeSafetensors } from '../../src/checkpoint/safetensors.js';
import { ofEncoder } from '../../src/checkpoint/state-dict/names.js';
import type { TensorData } from '../../src/checkpoint/tensor-data.js';
import { startEngine } from '../../src/engine/start.js';
import { disposeTree } from '../../src/engine/tensor-tree.js';
import { exitCodes } from '../../src/errors/index.js';
import { StaticConfig } from '../../src/model/config.js';
import { Runner } from '../../src/model/runner.js';
import { StaticNetwork } from '../../src/model/static.js';
import { loadModel, targetOf } from '../../src/predict/load.js';
import { dictionary, legacyFile, none, savedLegacy } from '../checkpoint/pytorch/craft.js';
import { temporaryFolder } from '../checkpoint/support.js';
import { encoderWeights, pseudo } from '../helpers/pseudo.js';
import { expectClose, fixture } from '../helpers/pytorch.js';
import { referenceCheckpoint } from '../helpers/reference.js';
import { torchvisionState } from '../helpers/torchvision.js';
import { gfnet, writeConfig } from './support.js';
import { tiny } from '../training/support.js';

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
      const [timms] = ofEncoder(name)(own, tensor.shape);
      const shape = timms?.shape ?? [];
      const key = own.startsWith('head.') ? own.replace('head', 'classifier') : (timms?.name ?? '');
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

  it('prepares images as torchvision does where the names are its own', () => {
    const floats = [...torchvisionState('efficientnet_b2')].filter(([, { dtype }]) => dtype === 'float32');
    writeParts(join(folder, 'torchvision.safetensors'), encodeSafetensors(new Map(floats)));
    const args = [
      'import',
      'torchvision.safetensors',
      '--network',
      'efficientnet_b2',
      '--out',
      'torchvision',
    ];
    const { code, stderr } = gfnet(folder, ...args);
    expect([code, stderr]).toEqual([exitCodes.ok, '']);
    // See test/fixtures/pytorch/preprocessing.json; timm's weights would have images of 256 pixels.
    expect(targetOf(loadModel(join(folder, 'torchvision')))).toMatchObject({ height: 288, resize: 288 });
  });

  it.each(['gfnet-mobilenetv3_large_100-96-t3', 'gfnet-resnet50-96-t5'])(
    'makes a model of a whole checkpoint of the authors’ code, %s, that looks and answers as theirs',
    label => {
      writeFileSync(join(folder, 'authors.pth.tar'), savedLegacy(referenceCheckpoint(label)));
      const { code, stderr } = gfnet(folder, 'import', 'authors.pth.tar', '--out', label);
      rmSync(join(folder, 'authors.pth.tar'));
      expect([code, stderr]).toEqual([exitCodes.ok, '']);
      const loaded = loadModel(join(folder, label));
      const theirs = tf.transpose(
        tf.tensor4d(pseudo('images/224', 2 * 3 * 224 * 224), [2, 3, 224, 224]),
        [0, 2, 3, 1],
      );
      const pixels = tf.add(tf.mul(theirs, images.std), images.mean).dataSync<'float32'>();
      const expected = fixture('reference');
      for (const [t, { logits, actions }] of [...new Runner(loaded.model).run(pixels, [])].entries()) {
        expectClose(tf.tensor2d(logits, [2, 1000]), expected.tensor(`${label}/logits/${t}`), 1e-4);
        if (actions)
          expectClose(tf.tensor2d(actions, [2, 2]), expected.tensor(`${label}/actions/${t}`), 1e-4);
      }
      disposeTree(loaded.variables);
    },
  );

  it('refuses weights that are no numbers, and names them', () => {
    const weights = stateDict();
    const filter = weights.get('conv_stem.weight');
    if (!filter) throw new RangeError('conv_stem.weight');
    weights.set('conv_stem.weight', {
      ...filter,
      dtype: 'float32',
      values: Float32Array.from(filter.values, () => NaN),
    });
    writeParts(join(folder, 'diverged.safetensors'), encodeSafetensors(weights));
    const args = ['import', 'diverged.safetensors', '--network', name, '--out', 'diverged'];
    const { code, stderr } = gfnet(folder, ...args);
    expect(code).toBe(exitCodes.badInput);
    expect(stderr).toMatch(/not finite: conv_stem\.weight\n/);
  });

  it('takes no notice of what wrappers put before every name', () => {
    const wrapped = new Map([...stateDict()].map(([key, data]) => [`_orig_mod.model.${key}`, data]));
    writeParts(join(folder, 'wrapped.safetensors'), encodeSafetensors(wrapped));
    const { code, stderr } = gfnet(
      folder,
      'import',
      'wrapped.safetensors',
      '--network',
      name,
      '--out',
      'bare',
    );
    expect([code, stderr]).toEqual([exitCodes.ok, '']);
    const weights = (model: string) => loadLatest(join(folder, model)).tensors;
    expect(weights('bare')).toEqual(weights('model'));
  });

  it('makes weights that stage 1 takes for images normalised as they were only', () => {
    writeConfig(folder, 'other.json', { network: { ...tiny.network, encoder: { name }, mean: [0.5] } });
    const given = ['train', 'stage1', '--config', 'other.json', '--from', 'model', '--out', 'refused'];
    const { code, stderr } = gfnet(folder, ...given);
    expect(stderr).toMatch(/images that are normalised otherwise/);
    expect(stderr).toMatch(/--set 'network\.mean=\[0\.485,0\.456,0\.406\]'/);
    expect(code).toBe(exitCodes.badInput);
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
    [
      'weights without a head, with what is missing',
      ['headless.safetensors', '--network', name],
      [/missing: fc\.weight .*or classifier\.weight/, /fc\.bias/],
    ],
    [
      'a head of one output',
      ['single.safetensors', '--network', name],
      [/one output, which tells no classes apart/, /two classes or more/],
    ],
    [
      'names of the package that holds TensorFlow’s Lite0, for the network that pads as PyTorch does',
      ['lite.safetensors', '--network', 'efficientnet_lite0'],
      [/missing: conv_stem\.weight \[32, 3, 3, 3\]/, /unexpected: _conv_stem\.weight/],
    ],
    [
      'images too small for the network',
      ['weights.safetensors', '--network', 'densenet121', '--side', '28'],
      [/densenet121 needs images of 29 x 29 pixels at least/],
    ],
    [
      'a checkpoint of the authors’ first stage',
      ['first.pth.tar', '--network', 'resnet50'],
      [/the first stage has no policy yet/, /no .*policy/],
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
    const stem: TensorData = { dtype: 'float32', shape: [32, 3, 3, 3], values: new Float32Array(864) };
    const lite = new Map([
      ['_conv_stem.weight', stem],
      ['_fc.bias', head],
    ]);
    writeParts(join(folder, 'lite.safetensors'), encodeSafetensors(lite));
    const first = dictionary({ model_prime_state_dict: dictionary({}), policy: none });
    writeFileSync(join(folder, 'first.pth.tar'), legacyFile(first));
    const headless = new Map([...stateDict()].filter(([key]) => !key.startsWith('classifier')));
    writeParts(join(folder, 'headless.safetensors'), encodeSafetensors(headless));
    const single = new Map(headless).set('classifier.bias', {
      ...head,
      shape: [1],
      values: new Float32Array(1),
    });
    writeParts(join(folder, 'single.safetensors'), encodeSafetensors(single));
    const { code, stdout, stderr } = gfnet(folder, 'import', ...args, '--out', 'refused');
    for (const message of messages) expect(stderr).toMatch(message);
    expect([stdout, code]).toEqual(['', exitCodes.badInput]);
  });
});
