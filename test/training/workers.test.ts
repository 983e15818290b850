import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { freePorts } from '../../src/cli/local-workers.js';
import { startEngine } from '../../src/engine/start.js';
import { compileProgram, temporaryFolder } from '../checkpoint/support.js';
import type { TrainConfigInput } from '../../training/config.js';
import type { Outcome, Trial } from './programs/steps.js';
import { trainSteps } from './programs/steps.js';
import { tiny } from './support.js';

/** Batch norm keeps to its running statistics: a process then computes the same of an image whoever else is in its batch. */
const frozen = { freeze: ['*.bn'] };
/** Every setting in which the images of a batch have to do with one another. */
const everything = {
  ...frozen,
  warmup: 1,
  maxNorm: 0.5,
  accumulate: 2,
  ema: 0.9,
  mixup: 0.4,
  cutmix: 1,
  labelSmoothing: 0.1,
  classWeights: { '3': 5, '7': 0.2 },
};
const joint = {
  ...tiny,
  data: { kind: 'known-answer', side: 40, patch: 12, train: 64, validation: 20, test: 20 },
  network: { ...tiny.network, patch: 12, steps: 2 },
  batchNorm: 'joint',
} satisfies TrainConfigInput;
const trials = {
  stage1: { stage: 'stage1', steps: 4, config: { ...tiny, stage1: { ...tiny.stage1, ...frozen } } },
  everything: { stage: 'stage1', steps: 4, config: { ...tiny, stage1: { ...tiny.stage1, ...everything } } },
  stage2: {
    stage: 'stage2',
    steps: 4,
    config: { ...tiny, stage2: { ...tiny.stage2, updates: 2 } },
  },
  stage3: { stage: 'stage3', steps: 4, config: { ...tiny, stage3: { ...tiny.stage3, ...everything } } },
  static: { stage: 'static', steps: 4, config: { ...tiny, static: { ...tiny.static, ...everything } } },
  'joint stage1': { stage: 'stage1', steps: 4, config: joint },
  'joint stage3': { stage: 'stage3', steps: 4, config: joint },
  'joint static': { stage: 'static', steps: 1, config: joint },
  worker: { stage: 'static', steps: 1, config: tiny },
} satisfies Record<string, Trial>;
type Name = keyof typeof trials;
const names = Object.keys(trials) as Name[];

const count = 2;
/** By worker. */
const outcomes: Readonly<Record<Name, Outcome>>[] = [];
/** That each worker holds at its end. */
const tensors: number[] = [];

beforeAll(async () => {
  startEngine({ threads: 1 });
  const program = compileProgram('test/training/programs/worker', ['src', 'training']);
  const workers = (await freePorts(count)).map(port => `127.0.0.1:${port}`).join();
  const folder = temporaryFolder();
  const run = async (task: number): Promise<void> => {
    const file = join(folder, `${task}.json`);
    const args = [program, workers, String(task), JSON.stringify(Object.values(trials)), file];
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'inherit', 'inherit'],
      timeout: 240_000,
    });
    expect(await once(child, 'exit')).toEqual([0, null]);
    const told = JSON.parse(readFileSync(file, 'utf8')) as { outcomes: Outcome[]; tensors: number };
    outcomes[task] = Object.fromEntries(names.map((name, i) => [name, told.outcomes[i]])) as Record<
      Name,
      Outcome
    >;
    tensors[task] = told.tensors;
  };
  await Promise.all(Array.from({ length: count }, (_, task) => run(task)));
}, 270_000);

/** The largest difference, relative to the largest value of its tensor. */
function distance(actual: Outcome['tensors'], expected: Outcome['tensors']): number {
  expect(Object.keys(actual).sort()).toEqual(Object.keys(expected).sort());
  const each = Object.entries(expected).map(([name, values]) => {
    const scale = Math.max(1e-3, ...values.map(Math.abs));
    return Math.max(...values.map((value, i) => Math.abs(value - (actual[name]?.[i] ?? NaN)))) / scale;
  });
  return Math.max(...each);
}

/** The largest difference of a weight or running statistic. */
function weightDistance(actual: Outcome['tensors'], expected: Outcome['tensors']): number {
  const weights = Object.entries(expected).filter(([name]) => /^(parameters|statistics)\//.test(name));
  expect(weights.length).toBeGreaterThan(0);
  return Math.max(
    ...weights.flatMap(([name, values]) =>
      values.map((value, i) => Math.abs(value - (actual[name]?.[i] ?? NaN))),
    ),
  );
}

describe('two workers', () => {
  it.each(names)('have the same bits after each step: %s', name => {
    const [one, other] = outcomes;
    expect(other?.[name]).toEqual(one?.[name]);
    expect(tensors[0]).toBe(tensors[1]);
  });

  // Batch norm that learns multiplies what sums round by, most where large parts of an image are all the same: TensorFlow's sums of equal
  // numbers always round the same way. Photographs, like these images, have noise.
  it.each([
    ['stage1', 1e-5],
    ['everything', 1e-5],
    ['stage2', 1e-5],
    ['stage3', 1e-5],
    ['static', 1e-5],
    ['joint stage1', 5e-5],
    ['joint stage3', 5e-5],
    ['joint static', 5e-5],
  ] as const)('learn what one process learns from the joint batch: %s', async (name, tolerance) => {
    const alone = await trainSteps(trials[name]);
    const together = outcomes[0]?.[name] as Outcome;
    expect(distance(together.tensors, alone.tensors)).toBeLessThan(tolerance);
    expect(weightDistance(together.tensors, alone.tensors)).toBeLessThan(1e-5);
    const flat = ({ metrics }: Outcome): number[][] =>
      metrics.map(({ loss, correct, means }) => [loss, ...correct, ...Object.values(means)]);
    const expected = flat(alone);
    flat(together).forEach((row, step) =>
      row.forEach((value, i) => expect(value).toBeCloseTo(expected[step]?.[i] ?? NaN, 4)),
    );
    const moved = Object.entries(together.tensors).filter(([name]) => /^(velocity|adam.mean)/.test(name));
    expect(Math.max(...moved.flatMap(([, values]) => values.map(Math.abs)))).toBeGreaterThan(1e-3);
  });

  it('with batch norm’s statistics by worker, are the mean of what each learns alone', async () => {
    const halves = [
      await trainSteps({ ...trials.worker, rows: [0, 8] }),
      await trainSteps({ ...trials.worker, rows: [8, 16] }),
    ] as const;
    const { tensors } = outcomes[0]?.worker as Outcome;
    const mean = Object.entries(halves[0].tensors).map(([name, values]) => [
      name,
      values.map((value, i) => (value + (halves[1].tensors[name]?.[i] ?? NaN)) / 2),
    ]);
    expect(distance(tensors, Object.fromEntries(mean) as Outcome['tensors'])).toBeLessThan(1e-5);
  });
});
