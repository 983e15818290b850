import { beforeAll, describe, expect, it } from 'vitest';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { viewRuns } from '../../src/checkpoint/run-view.js';
import { startEngine } from '../../src/engine/start.js';
import { InterruptedError } from '../../src/errors/index.js';
import { TrainConfig } from '../../training/config.js';
import type { StageOptions } from '../../training/run-stage.js';
import { timeUp } from '../../training/loop.js';
import { runStage } from '../../training/run-stage.js';
import { temporaryFolder } from '../checkpoint/support.js';
import { tiny, weights } from './support.js';

const folder = temporaryFolder();
const at = (name: string): string => join(folder, name);
const settings = {
  warmup: 0.5,
  rates: { '*head': 2 },
  maxNorm: 1,
  accumulate: 2,
  ema: 0.9,
  labelSmoothing: 0.1,
  classWeights: 'balanced' as const,
};
const config = TrainConfig.parse({
  ...tiny,
  stage1: { ...tiny.stage1, ...settings, freeze: ['local.stem', '*.blocks.0.first.bn'] },
  static: { ...tiny.static, ...settings, epochs: 2, freeze: ['stem'] },
});

beforeAll(() => startEngine());

const train = (out: string, more: Partial<StageOptions> = {}): Promise<void> =>
  runStage({ stage: 'stage1', config, seed: 7, out: at(out), resume: false, command: [], ...more });

describe('a run with every setting', () => {
  it.each(['stage1', 'static'] as const)('%s gives the same bits interrupted or not', async stage => {
    await train(`whole-${stage}`, { stage });
    const interrupt = new AbortController();
    let steps = 0;
    const onProgress = (): void => {
      if (++steps === 8) interrupt.abort();
    };
    const out = `stopped-${stage}`;
    await expect(train(out, { stage, signal: interrupt.signal, onProgress })).rejects.toThrow(
      InterruptedError,
    );
    await train(out, { stage, resume: true });
    expect(weights(at(out))).toEqual(weights(at(`whole-${stage}`)));
  });

  it('ends when validation is no better for as long as patience says, with the best weights', async () => {
    const data = { ...tiny.data, train: 16 };
    const stage2 = { epochs: 9, patience: 2, rate: 1e-12 };
    const patient = TrainConfig.parse({ ...tiny, data, stage2 });
    const notices: string[] = [];
    const given = { stage: 'stage2', config: patient, from: at('whole-stage1') } as const;
    await train('patient', { ...given, onNotice: notice => notices.push(notice) });
    expect(notices).toEqual([
      expect.stringMatching(/^stage2 ends after epoch 3: no better[^]*of epoch 1 are kept$/),
    ]);
    const metrics = (): string => readFileSync(join(at('patient'), 'metrics.csv'), 'utf8');
    expect(metrics().trim().split('\n')).toHaveLength(4);
    const [best, last] = [weights(at('patient'), 'best'), weights(at('patient'))];
    expect(last).toEqual(best);
    const before = metrics();
    await train('patient', { ...given, resume: true });
    expect(metrics()).toBe(before);
    expect(weights(at('patient'))).toEqual(last);
  });

  it('says when it was the time that ended it', async () => {
    const limit = new AbortController();
    const saved: number[] = [];
    const onProgress = (): void => limit.abort(timeUp);
    const onSave = (duration: number): void => void saved.push(duration);
    await expect(train('timed', { signal: limit.signal, onProgress, onSave })).rejects.toThrow(
      /the time is up in epoch 1, after 1 batches[^]*--resume/,
    );
    expect(viewRuns(at('timed'))[0]?.state).toBe('interrupted');
    expect(saved).toHaveLength(2);
  });

  it('leaves what is frozen as it was, and saves what predicts beside what learns', async () => {
    const still = { ...config, stage1: { ...config.stage1, epochs: 1 } };
    await train('once', { config: still });
    const [one, two] = [weights(at('once')), weights(at('whole-stage1'))];
    const frozen = /\/local\.stem\.|\.blocks\.0\.first\.bn\./;
    let kept = 0;
    for (const [name, values] of two) {
      if (name.startsWith('raw.') && frozen.test(name)) expect(name).toMatch(/^raw\.statistics/);
      if (!/^(parameters|statistics)\//.test(name) || name.includes('/policy.')) continue;
      const same = frozen.test(name);
      if (same) kept++;
      expect(values === one.get(name), name).toBe(same);
      if (!same) expect(two.get(`raw.${name}`), name).not.toBe(values);
    }
    expect(kept).toBeGreaterThan(4);
  });
});
