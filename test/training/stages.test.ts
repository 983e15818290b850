import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadCheckpoint } from '../../src/checkpoint/checkpoint.js';
import { startEngine } from '../../src/engine/start.js';
import { InterruptedError, UsageError } from '../../src/errors/index.js';
import { TrainConfig } from '../../training/config.js';
import { runStage } from '../../training/run-stage.js';
import type { StageName } from '../../training/trainer.js';

const folder = mkdtempSync(join(tmpdir(), 'gfnet-stages-'));
const at = (name: string): string => join(folder, name);
beforeAll(() => startEngine());
afterAll(() => rmSync(folder, { recursive: true }));

const config = TrainConfig.parse({
  data: {
    kind: 'cluttered-digits',
    canvas: 40,
    clutter: 1,
    train: 96,
    validation: 20,
    test: 20,
    canvasesPerDigit: 1,
  },
  network: {
    patch: 20,
    steps: 3,
    encoder: { name: 'small', widths: [4, 6] },
    classifier: { kind: 'gru', hidden: 8 },
    policy: { hidden: 8 },
  },
  batchSize: 16,
  stage1: { epochs: 2, encoderRate: 0.05, classifierRate: 0.05 },
  stage2: { epochs: 2 },
  stage3: { epochs: 2, encoderRate: 0.01, classifierRate: 0.01 },
  static: { epochs: 1, encoderRate: 0.05, input: 40 },
});

interface Call {
  from?: string;
  resume?: boolean;
  signal?: AbortSignal;
  onProgress?: () => void;
}

function train(stage: StageName, out: string, call: Call = {}): Promise<void> {
  return runStage({ stage, config, seed: 7, out: at(out), resume: false, command: [], ...call });
}

function weights(name: string): Map<string, string> {
  const { tensors } = loadCheckpoint(at(name), 'last');
  return new Map(
    [...tensors].map(([key, { values }]) => [
      key,
      Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64'),
    ]),
  );
}

describe('the three stages', () => {
  it('train in turn; what a stage freezes stays bit for bit', async () => {
    await train('stage1', 'a1');
    await train('stage2', 'a2', { from: at('a1') });
    await train('stage3', 'a3', { from: at('a2') });
    const [one, two, three] = [weights('a1'), weights('a2'), weights('a3')];
    for (const [name, values] of two) {
      if (name.startsWith('parameters/policy.')) {
        expect(values).not.toBe(one.get(name));
        expect(three.get(name)).toBe(values);
      } else if (name.startsWith('parameters/') || name.startsWith('statistics/')) {
        expect(values).toBe(one.get(name));
      }
    }
    expect(three.get('parameters/local.stem.conv.weight')).not.toBe(
      two.get('parameters/local.stem.conv.weight'),
    );
  });

  it('give the same weights for the same seed, interrupted or not', async () => {
    for (const stage of ['stage1', 'stage2', 'stage3'] as const) {
      const before = { stage1: {}, stage2: { from: at('a1') }, stage3: { from: at('a2') } }[stage];
      const interrupt = new AbortController();
      let steps = 0;
      const stopAt = 9; // in the midst of the second epoch of six batches
      await expect(
        train(stage, `b-${stage}`, {
          ...before,
          signal: interrupt.signal,
          onProgress: () => {
            if (++steps === stopAt) interrupt.abort();
          },
        }),
      ).rejects.toThrow(InterruptedError);
      await train(stage, `b-${stage}`, { resume: true });
      const whole = `a${stage.slice(-1)}`;
      expect(weights(`b-${stage}`)).toEqual(weights(whole));
      const metrics = (run: string): string => readFileSync(join(at(run), 'metrics.csv'), 'utf8');
      expect(metrics(`b-${stage}`)).toBe(metrics(whole));
    }
  });

  it('say which stage they start from', async () => {
    await expect(train('stage2', 'c')).rejects.toThrow(/starts from a run of stage1/);
    await expect(train('stage3', 'c', { from: at('a1') })).rejects.toThrow(UsageError);
    await expect(train('stage3', 'c', { from: at('a1') })).rejects.toThrow(/run of stage2/);
  });

  it('leave no tensor behind', async () => {
    await train('static', 'd0');
    const before = tf.memory().numTensors;
    await train('static', 'd1');
    await train('stage1', 'd2');
    await train('stage2', 'd3', { from: at('a1') });
    expect(tf.memory().numTensors).toBe(before);
  });
});
