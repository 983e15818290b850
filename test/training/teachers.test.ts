import { beforeAll, describe, expect, it } from 'vitest';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { openRun } from '../../src/checkpoint/run-folder.js';
import { openData } from '../../src/data/open.js';
import { startEngine } from '../../src/engine/start.js';
import { InterruptedError } from '../../src/errors/index.js';
import { softmax } from '../../src/evaluation/softmax.js';
import { outputsOf } from '../../src/model/outputs.js';
import { loadModel } from '../../src/predict/load.js';
import { TrainConfig } from '../../training/config.js';
import type { StageOptions } from '../../training/run-stage.js';
import { runStage } from '../../training/run-stage.js';
import { Teachers, teachersOf } from '../../training/teachers.js';
import { temporaryFolder } from '../checkpoint/support.js';
import { tiny, weights } from './support.js';

const folder = temporaryFolder();
const at = (name: string): string => join(folder, name);
const config = TrainConfig.parse(tiny);
const { train: images } = openData(config.data);

const train = (out: string, more: Partial<StageOptions> = {}): Promise<void> =>
  runStage({ stage: 'stage1', config, seed: 7, out: at(out), resume: false, command: [], ...more });

/** As `config`, taught by runs. */
const taughtBy = (stage: 'stage1' | 'static', ...runs: string[]): TrainConfig =>
  TrainConfig.parse({
    ...tiny,
    [stage]: { ...tiny[stage], epochs: 2, teachers: runs.map(at), teacherShare: 0.25 },
  });

beforeAll(async () => {
  startEngine();
  await train('gfnet');
  await train('plain', { stage: 'static', seed: 8 });
}, 60_000);

describe('teachers', () => {
  it('have their share of the answers: the mean of what they believe at last', async () => {
    const size = images.shape.height ** 2;
    const pixels = new Float32Array(3 * size);
    await images.read(Int32Array.of(0, 1, 2), 0, pixels, new Int32Array(3));
    const believed = await Promise.all(
      ['gfnet', 'plain'].map(async run => {
        const { logits, classes } = await outputsOf(loadModel(at(run)).model, images, { limit: 3 });
        return softmax(logits.at(-1) as Float32Array, classes);
      }),
    );
    const labels = Float32Array.from({ length: 30 }, (_, i) => Number(i % 11 === 0));
    const before = tf.memory().numTensors;
    const teachers = teachersOf({ teachers: [at('gfnet'), at('plain')], teacherShare: 0.25 }, images);
    const taught = teachers.taught(pixels, labels);
    taught.forEach((value, i) => {
      const mean = ((believed[0]?.[i] ?? NaN) + (believed[1]?.[i] ?? NaN)) / 2;
      expect(value).toBeCloseTo(0.75 * (labels[i] ?? 0) + 0.25 * mean, 6);
    });
    teachers.dispose();
    expect(tf.memory().numTensors).toBe(before);
    expect(new Teachers([], 0.25).taught(pixels, labels)).toBe(labels);
  });

  it.each(['stage1', 'static'] as const)('%s learns otherwise, the same interrupted or not', async stage => {
    const taught = taughtBy(stage, 'gfnet', 'plain');
    await train(`${stage}-alone`, {
      stage,
      config: TrainConfig.parse({ ...taught, [stage]: { ...taught[stage], teachers: [] } }),
    });
    await train(`${stage}-whole`, { stage, config: taught });
    const interrupt = new AbortController();
    let steps = 0;
    const onProgress = (): void => {
      if (++steps === 8) interrupt.abort();
    };
    const stopped = { stage, config: taught, signal: interrupt.signal, onProgress };
    await expect(train(`${stage}-stopped`, stopped)).rejects.toThrow(InterruptedError);
    await train(`${stage}-stopped`, { stage, config: taught, resume: true });
    expect(weights(at(`${stage}-stopped`))).toEqual(weights(at(`${stage}-whole`)));
    expect(weights(at(`${stage}-alone`))).not.toEqual(weights(at(`${stage}-whole`)));
    expect(openRun(at(`${stage}-whole`)).teachers).toEqual([
      expect.stringMatching(/^[0-9a-f]{64}$/),
      expect.stringMatching(/^[0-9a-f]{64}$/),
    ]);
  });

  it('are refused where they learnt other classes or images, or have learnt since', async () => {
    const wider = TrainConfig.parse({ ...tiny, data: { ...tiny.data, canvas: 48 } });
    await train('wider', { config: wider });
    await expect(train('a', { config: taughtBy('stage1', 'wider') })).rejects.toThrow(
      /a teacher answers other images[^]*48 x 48 x 1, classes 0, 1[^]*40 x 40 x 1, classes 0, 1/,
    );
    await expect(train('b', { config: taughtBy('stage1', 'nowhere') })).rejects.toThrow(/nowhere/);
    const interrupt = new AbortController();
    const stopped = { signal: interrupt.signal, onProgress: () => interrupt.abort() };
    await train('teacher');
    const taught = taughtBy('stage1', 'teacher');
    await expect(train('c', { config: taught, ...stopped })).rejects.toThrow(InterruptedError);
    rmSync(at('teacher'), { recursive: true });
    await train('teacher', { seed: 9 });
    await expect(train('c', { config: taught, resume: true })).rejects.toThrow(
      /what teaches has other weights than when the run began/,
    );
  });
});
