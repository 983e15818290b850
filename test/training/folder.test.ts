import { readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadCheckpoint } from '../../src/checkpoint/checkpoint.js';
import { openSubject } from '../../src/cli/subject.js';
import type { Dataset } from '../../src/data/dataset.js';
import { openData } from '../../src/data/open.js';
import { startEngine } from '../../src/engine/start.js';
import { InterruptedError } from '../../src/errors/index.js';
import { outputsOf } from '../../src/model/outputs.js';
import { GFNet } from '../../src/index.js';
import { loadModel } from '../../src/predict/load.js';
import { softmax } from '../../src/evaluation/index.js';
import { TrainConfig } from '../../training/config.js';
import type { StageOptions } from '../../training/run-stage.js';
import { runStage } from '../../training/run-stage.js';
import { temporaryFolder } from '../checkpoint/support.js';
import { broken, picture } from '../data/images/support.js';
import { tiny, weights } from './support.js';

const folder = temporaryFolder();
const at = (name: string): string => join(folder, name);
const images = at('images');
const config = TrainConfig.parse({
  ...tiny,
  data: { kind: 'folder', folder: images, side: 40, augment: { contrast: 0.2 } },
  network: { ...tiny.network, mean: [0.5, 0.4, 0.3], std: [0.2, 0.2, 0.2] },
  stage1: { ...tiny.stage1, epochs: 2 },
});

beforeAll(async () => {
  startEngine();
  for (let i = 0; i < 32; i++) {
    const size = { width: 40 + (i % 13), height: 60 - (i % 17) };
    await picture(join(images, 'train/red', `${i}.jpg`), [200, 3 * i, 40], size);
    await picture(join(images, 'train/blue', `${i}.png`), [3 * i, 40, 200], size);
    if (i < 6) await picture(join(images, 'val/red', `${i}.webp`), [210, 10 * i, 30], size);
    if (i < 6) await picture(join(images, 'val/blue', `${i}.jpg`), [10 * i, 30, 210], size);
  }
  broken(join(images, 'train/red/broken.jpg'));
  broken(join(images, 'val/red/broken.jpg'));
});

const train = (out: string, more: Partial<StageOptions> = {}): Promise<void> =>
  runStage({ stage: 'stage1', config, seed: 7, out: at(out), resume: false, command: [], ...more });

describe('training on a folder of images', () => {
  it('gives the same bits interrupted or not, and with any number of decoders', async () => {
    const notices: string[] = [];
    await train('whole', { decoders: 1, onNotice: notice => notices.push(notice) });
    expect(notices.join('\n')).toMatch(/no test set: its validation set stands for it/);
    expect(notices.filter(notice => notice.includes('passed over'))).toHaveLength(1);
    const log = readFileSync(join(at('whole'), 'log.txt'), 'utf8');
    for (const notice of notices) expect(log).toContain(notice);
    for (const [out, stop] of [
      ['early', 1],
      ['later', 4],
    ] as const) {
      const interrupt = new AbortController();
      let steps = 0;
      const onProgress = (): void => {
        if (++steps === stop) interrupt.abort();
      };
      await expect(train(out, { decoders: 3, signal: interrupt.signal, onProgress })).rejects.toThrow(
        InterruptedError,
      );
      await train(out, { resume: true, decoders: 2 });
      expect(weights(at(out))).toEqual(weights(at('whole')));
      expect(readFileSync(join(at(out), 'metrics.csv'))).toEqual(
        readFileSync(join(at('whole'), 'metrics.csv')),
      );
    }
  });

  it('does not go on with other images than it began with', async () => {
    const one = at('images/train/red/late.jpg');
    await picture(one, [190, 30, 40], { width: 44, height: 50 });
    await expect(train('early', { resume: true })).rejects.toThrow(/not those that the run began with/);
    rmSync(one);
    renameSync(at('images/train/red/0.jpg'), at('images/train/blue/red.jpg'));
    await expect(train('early', { resume: true })).rejects.toThrow(/not those that the run began with/);
    renameSync(at('images/train/blue/red.jpg'), at('images/train/red/0.jpg'));
    await train('early', { resume: true });
  });

  it('records how images are prepared, so that predict says of a file what evaluation says', async () => {
    const { preprocessing } = loadCheckpoint(at('whole'), 'last').manifest;
    expect(preprocessing).toMatchObject({ side: 40, resize: 46, interpolation: 'bilinear' });
    const { test, close } = openData(config.data);
    const { model } = loadModel(at('whole'));
    const { logits, labels, indices, classes } = await outputsOf(model, test);
    expect([test.size, indices.length]).toEqual([13, 12]);
    const evaluated = Array.from({ length: 12 }, (_, i) =>
      softmax((logits.at(-1) ?? new Float32Array()).subarray(i * classes, (i + 1) * classes), classes),
    );
    const predictor = await GFNet.load(at('whole'));
    const files = ['red', 'blue'].flatMap(name =>
      Array.from({ length: 6 }, (_, i) =>
        join(images, 'val', name, `${i}.${name === 'red' ? 'webp' : 'jpg'}`),
      ),
    );
    const predicted = await predictor.predict(files, { threshold: 1, batchSize: 12 });
    const sorted = (values: readonly (number | undefined)[]) =>
      Float64Array.from(values, value => value ?? NaN).sort();
    const red = test.classes.indexOf('red');
    const seen = sorted(predicted.map(({ top }) => top.find(({ label }) => label === 'red')?.probability));
    const judged = sorted(evaluated.map(probabilities => probabilities[red]));
    expect(seen).toHaveLength(judged.length);
    // The two softmaxes round differently.
    seen.forEach((probability, i) => expect(Math.abs(probability - (judged[i] ?? NaN))).toBeLessThan(1e-5));
    expect(labels.filter(label => label === red)).toHaveLength(6);
    await predictor.dispose();
    await close?.();
  });

  it('is judged on other folders in the way that it was trained', async () => {
    const [trained, named] = [
      openData(config.data),
      openSubject(at('whole'), { data: images }, () => undefined),
    ];
    const pixels = async ({ test }: { test: Dataset }): Promise<Float32Array> => {
      const read = new Float32Array(2 * 40 * 40 * 3);
      await test.read(Int32Array.of(0, 7), 0, read, new Int32Array(2));
      return read;
    };
    expect(named.test.shape).toEqual({ height: 40, width: 40, channels: 3 });
    expect(await pixels(named)).toEqual(await pixels(trained));
    await Promise.all([trained.close?.(), named.close()]);
  });

  it('wants as many images as a batch has', async () => {
    const large = TrainConfig.parse({ ...config, batchSize: 100 });
    await expect(train('large', { config: large })).rejects.toThrow(/fewer images[^]*--set batchSize=/);
  });
});
