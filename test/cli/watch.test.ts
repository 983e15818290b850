import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { MetricsFile } from '../../src/checkpoint/metrics.js';
import type { RunWriter } from '../../src/checkpoint/run-folder.js';
import { createRun } from '../../src/checkpoint/run-folder.js';
import type { RunProgress } from '../../src/checkpoint/run-progress.js';
import { writeProgress } from '../../src/checkpoint/run-progress.js';
import { sparkline } from '../../src/report/sparkline.js';
import { temporaryFolder } from '../checkpoint/support.js';
import { gfnet } from './support.js';

const folder = temporaryFolder();

/** A run of two looks that has come through epochs of these validation accuracies. */
function begin(
  name: string,
  { stage, accuracies, batchSize }: { stage: string; accuracies: readonly number[]; batchSize: number },
  progress: Partial<RunProgress>,
): RunWriter {
  const config = { stage, batchSize, [stage]: { epochs: 4 }, network: { steps: 2 } };
  const run = createRun(join(folder, name), { config, seed: 3, command: [], environment: {} });
  const description = { description: '' };
  const metrics = new MetricsFile(run.metrics, {
    epoch: description,
    loss: description,
    validation1: description,
    validation2: description,
  });
  accuracies.forEach((accuracy, i) => {
    metrics.append({ epoch: i + 1, loss: 1 / (i + 1), validation1: 0.5, validation2: accuracy });
    run.log(`epoch ${i + 1} is done`);
  });
  writeProgress(run.progress, {
    ...{ updated: new Date(2026, 0, accuracies.length + 1).toISOString(), state: 'training' },
    ...{ epoch: accuracies.length + 1, epochs: 4, batch: 5, batches: 20, loss: 0.25, accuracy: [0.4, 0.5] },
    ...{ imagesPerSecond: 80, secondsLeft: 5400, ...progress },
  });
  return run;
}

beforeAll(() => {
  begin(
    'a/stage1',
    { stage: 'stage1', accuracies: [0.5, 0.9, 0.875], batchSize: 8 },
    { state: 'done' },
  ).close();
  // Held by this process: it is at work.
  begin(
    'a/stage2',
    { stage: 'stage2', accuracies: [0.91, 0.92], batchSize: 8 },
    {
      updated: new Date(2026, 1, 1).toISOString(),
    },
  );
  begin('b/stage1', { stage: 'stage1', accuracies: [0.25], batchSize: 16 }, {}).close();
});

describe('gfnet watch', () => {
  it('shows the stages of a training, most of the one at work', () => {
    const { code, stdout } = gfnet(folder, 'watch', 'a');
    expect(code).toBe(0);
    const [first, second, bar] = stdout.split('\n');
    expect(first).toMatch(/^a\/stage1: done, .*best validation accuracy 90\.0 %/);
    expect(second).toMatch(/^a\/stage2: training, epoch 3 of 4, best validation accuracy 92\.0 %/);
    expect(bar).toMatch(
      /^█{17}░{13} 56\.3 % \| batch 5 of 20 \| loss 0\.250 \| 80 images\/s \| 1 h 30 min left$/,
    );
    expect(stdout).toMatch(/validation2 +0\.9100 +0\.9200 +0\.9100 +0\.9200 +▁█/);
    expect(stdout).toMatch(/epoch 2 is done/);
  });

  it('tells a killed run from one at work, also as JSON', () => {
    expect(gfnet(folder, 'watch', 'b').stdout).toMatch(/^b\/stage1: stopped, epoch 2 of 4/);
    const { stdout } = gfnet(folder, 'watch', 'a', '--json');
    expect(JSON.parse(stdout)).toMatchObject([
      { stage: 'stage1', state: 'done', seed: 3, metrics: [{ epoch: 1 }, { epoch: 2 }, { epoch: 3 }] },
      { stage: 'stage2', state: 'training', progress: { epoch: 3, secondsLeft: 5400 } },
    ]);
  });

  it('wants a run', () => {
    const { code, stderr } = gfnet(folder, 'watch', 'none');
    expect([code, stderr]).toEqual([2, expect.stringMatching(/not a run folder/)]);
    expect(gfnet(folder, 'watch', 'a', '--interval', '0').code).toBe(2);
  });
});

describe('gfnet compare', () => {
  it('puts what was set otherwise and what came of it side by side', () => {
    const { code, stdout } = gfnet(folder, 'compare', 'a', 'b', '--out', join(folder, 'page.html'));
    expect(code).toBe(0);
    expect(stdout).toMatch(/a +done +3 +3 +0\.3333 +90\.00 +2 +87\.50/);
    expect(stdout).toMatch(/b +stopped +3 +1 +1\.0000 +25\.00 +1 +25\.00/);
    expect(stdout).toMatch(/batchSize +8 +16/);
    expect(stdout).not.toMatch(/network\.steps/);
    const page = readFileSync(join(folder, 'page.html'), 'utf8');
    expect(page).toMatch(/<h1>Trainings compared<\/h1>[^]*<svg[^]*batchSize/);
    expect(page).not.toMatch(/https?:\/\/(?!www\.w3\.org)/);
  });

  it('answers in JSON, and wants two', () => {
    const stages = JSON.parse(gfnet(folder, 'compare', 'a/stage1', 'b', '--json').stdout) as unknown;
    expect(stages).toMatchObject([
      { stage: 'stage1', differences: [{ key: 'batchSize', values: ['8', '16'] }], runs: [{}, {}] },
    ]);
    expect(gfnet(folder, 'compare', 'a').stderr).toMatch(/nothing to compare with/);
  });
});

describe('a sparkline', () => {
  it('goes from the least to the largest, in means where there are too many', () => {
    expect(sparkline([0, 1, 2, 3, 4, 5, 6, 7])).toBe('▁▂▃▄▅▆▇█');
    expect(sparkline([0, 0, 7, 7], 2)).toBe('▁█');
    expect(sparkline([3, 3])).toBe('▅▅');
    expect(sparkline([1, NaN, 2])).toBe('▁ █');
    expect(sparkline([])).toBe('');
  });
});
