import { cpSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadCheckpoint } from '../../src/checkpoint/checkpoint.js';
import { readMetrics } from '../../src/checkpoint/metrics.js';
import { createRun } from '../../src/checkpoint/run-folder.js';
import { viewRuns } from '../../src/checkpoint/run-view.js';
import { startEngine } from '../../src/engine/start.js';
import { DivergedError, InterruptedError, UsageError } from '../../src/errors/index.js';
import { TrainConfig } from '../../training/config.js';
import { normMeans } from '../../training/gradient-norm.js';
import { runStage } from '../../training/run-stage.js';
import type { StageName } from '../../training/trainer.js';
import type { ScalarEvent } from '../checkpoint/event-reader.js';
import { readEvents } from '../checkpoint/event-reader.js';
import { temporaryFolder } from '../checkpoint/support.js';
import { tiny, weights as weightsOf } from './support.js';

const folder = temporaryFolder();
const at = (name: string): string => join(folder, name);
beforeAll(() => startEngine());

const config = TrainConfig.parse(tiny);
const batches = 6;
const weights = (name: string): Map<string, string> => weightsOf(at(name));
const metrics = (name: string): string => readFileSync(join(at(name), 'metrics.csv'), 'utf8');
const events = (name: string): ScalarEvent[] => readEvents(join(at(name), 'tensorboard'));

interface Call {
  config?: TrainConfig;
  from?: string;
  resume?: boolean;
  signal?: AbortSignal;
  onProgress?: () => void;
}

function train(stage: StageName, out: string, call: Call = {}): Promise<void> {
  return runStage({ stage, config, seed: 7, out: at(out), resume: false, command: [], ...call });
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
    for (const name of ['parameters/local.stem.conv.weight', 'statistics/local.stem.bn.running_mean'])
      expect(three.get(name)).not.toBe(two.get(name));
  });

  it('leave the glance as it is where they are told so, resumed or not', async () => {
    const still = TrainConfig.parse({ ...tiny, stage1: { ...tiny.stage1, freeze: ['global'] } });
    const once = TrainConfig.parse({ ...still, stage1: { ...still.stage1, epochs: 1 } });
    await train('stage1', 'still', { config: still });
    await train('stage1', 'still-once', { config: once });
    const [two, one] = [weights('still'), weights('still-once')];
    for (const [name, values] of two) {
      if (/^(parameters|statistics)\/global\./.test(name)) expect(values).toBe(one.get(name));
    }
    for (const part of ['parameters/local.stem.conv', 'parameters/local.head', 'parameters/classifier.fc'])
      expect(two.get(`${part}.weight`)).not.toBe(one.get(`${part}.weight`));
    expect([...two.keys()].filter(name => name.startsWith('velocity/global'))).toEqual([]);
  });

  it.each([
    ['in the midst of an epoch', batches + 3, 0],
    ['after the last batch of an epoch', batches, 0],
    ['while it validates', batches, 1],
  ])('give the same for the same seed, interrupted %s or not', async (_, stopAt, later) => {
    for (const stage of ['stage1', 'stage2', 'stage3'] as const) {
      const before = { stage1: {}, stage2: { from: at('a1') }, stage3: { from: at('a2') } }[stage];
      const [whole, out] = [`a${stage.slice(-1)}`, `${stage}-stopped-${stopAt}-${later}`];
      const interrupt = new AbortController();
      let steps = 0;
      const abort = (turns: number): unknown =>
        turns === 0 ? interrupt.abort() : setImmediate(() => setImmediate(abort, turns - 1));
      const onProgress = (): void => {
        if (++steps === stopAt) abort(later);
      };
      await expect(train(stage, out, { ...before, signal: interrupt.signal, onProgress })).rejects.toThrow(
        InterruptedError,
      );
      await train(stage, out, { resume: true });
      expect(weights(out)).toEqual(weights(whole));
      expect(metrics(out)).toBe(metrics(whole));
      expect(events(out)).toEqual(events(whole));
    }
  });

  it('save their optimizer’s state', () => {
    const count = (run: string): unknown => loadCheckpoint(at(run), 'last').tensors.get('adam/count')?.values;
    expect(count('a2')).toEqual(Float32Array.of(2 * batches));
    for (const prefix of ['adam.mean/', 'adam.square/']) {
      const learned = [...weights('a2').keys()].filter(name => name.startsWith('parameters/policy.'));
      expect(learned.every(name => weights('a2').has(name.replace('parameters/', prefix)))).toBe(true);
    }
  });

  it('write each line of metrics.csv as TensorBoard’s events too', () => {
    for (const run of ['a1', 'a2', 'a3']) {
      const lines = readMetrics(join(at(run), 'metrics.csv'));
      expect(lines).toHaveLength(2);
      const scalars = lines.flatMap(({ epoch, ...line }) =>
        Object.entries(line).map(([tag, value]) => ({ step: epoch, tag, value: Math.fround(Number(value)) })),
      );
      expect(events(run)).toEqual(scalars);
    }
  });

  it('leave a word of how far they came, for those who watch', () => {
    const [run] = viewRuns(at('a2'));
    expect(run).toMatchObject({ stage: 'stage2', state: 'done', seed: 7, config: { batchSize: 16 } });
    expect(run?.progress).toMatchObject({ epoch: 2, epochs: 2, batch: batches, batches, secondsLeft: 0 });
    expect(run?.metrics).toEqual(readMetrics(join(at('a2'), 'metrics.csv')));
  });

  it('measure nothing that docs/metrics.md does not explain', () => {
    const text = readFileSync(join(import.meta.dirname, '../../docs/metrics.md'), 'utf8');
    for (const run of ['a1', 'a2', 'a3']) {
      const names = Object.keys(readMetrics(join(at(run), 'metrics.csv'))[0] ?? {});
      expect(names.length).toBeGreaterThan(7);
      names.push(...Object.keys(normMeans(1)));
      for (const name of names) expect(text).toContain(`| \`${name.replace(/\d+$/, '')}\``);
    }
  });

  it.each([
    ['stage1', { encoderRate: 1e30, classifierRate: 0.05 }, 'stage1.encoderRate=1e+29', {}],
    ['stage2', { rate: 1e38 }, 'stage2.rate=1e+37', { from: 'a1' }],
    ['stage3', { encoderRate: 1e30, classifierRate: 0.01 }, 'stage3.encoderRate=1e+29', { from: 'a2' }],
    ['static', { encoderRate: 1e30, input: 40 }, 'static.encoderRate=1e+29', {}],
  ] as const)(
    '%s stops where it diverges, each time, and keeps what it had before that',
    async (stage, rates, lower, before) => {
      const from = 'from' in before ? { from: at(before.from) } : {};
      const out = `diverged-${stage}`;
      const absurd = TrainConfig.parse({ ...tiny, [stage]: { ...rates, epochs: 2 } });
      const error: unknown = await train(stage, out, { config: absurd, ...from }).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(DivergedError);
      expect(String(error)).toMatch(new RegExp(`given: +${stage}, epoch 1, batch [1-6]\\n`));
      expect(String(error)).toContain(`--set ${lower}`);
      for (const { values } of loadCheckpoint(at(out), 'last').tensors.values())
        expect(values.every(Number.isFinite)).toBe(true);
      await expect(train(stage, out, { config: absurd, resume: true })).rejects.toThrow(
        String(error).split('\n')[1],
      );
    },
  );

  it('begin anew where they were killed before they saved anything', async () => {
    for (const [stage, from] of [['stage1'], ['stage2', 'a1']] as const) {
      const out = `begun-${stage}`;
      createRun(at(out), { config: { stage, ...config }, seed: 7, command: [], environment: {} }).close();
      await train(stage, out, { resume: true, ...(from && { from: at(from) }) });
      expect(weights(out)).toEqual(weights(`a${stage.slice(-1)}`));
    }
  });

  it('do not begin anew where their last checkpoint is gone, but go on from the best', async () => {
    await train('stage1', 'lost');
    const [last, best] = (['last', 'best'] as const).map(name =>
      join(at('lost'), `checkpoints/${name}.json`),
    ) as [string, string];
    rmSync(last);
    const error = String(await train('stage1', 'lost', { resume: true }).catch((e: unknown) => e));
    expect(error).toMatch(/checkpoint to go on from is gone/);
    const [, ...command] = /cp (\S+) (\S+);/.exec(error) ?? [];
    expect(command).toEqual([best, last]);
    expect(metrics('lost')).toBe(metrics('a1'));
    cpSync(best, last);
    await train('stage1', 'lost', { resume: true });
    expect(weights('lost')).toEqual(weights('a1'));
    expect(metrics('lost')).toBe(metrics('a1'));
    for (const name of [last, best]) rmSync(name);
    await expect(train('stage1', 'lost', { resume: true })).rejects.toThrow(/2 epochs in .*metrics\.csv/);
  });

  it('start their encoders from a static network’s, if one is given, and its head where the classes are as many', async () => {
    await train('static', 'alone');
    const frozen = TrainConfig.parse({ ...tiny, stage1: { ...tiny.stage1, epochs: 1, freeze: ['global'] } });
    await train('stage1', 'from-alone', { config: frozen, from: at('alone') });
    const [alone, begun] = [weights('alone'), weights('from-alone')];
    for (const [name, values] of alone) {
      if (name.startsWith('velocity/')) continue;
      const [group, path] = name.split('/');
      expect(begun.get(`${group}/global.${path}`)).toBe(values);
      expect(begun.get(`${group}/local.${path}`)).not.toBe(values);
    }
    const other = TrainConfig.parse({
      ...tiny,
      network: { ...tiny.network, encoder: { name: 'small', widths: [4, 7] } },
    });
    await expect(train('stage1', 'c', { config: other, from: at('alone') })).rejects.toThrow(
      /another architecture[^]*widths\.1 = 6[^]*widths\.1 = 7/,
    );
    await expect(train('stage1', 'c', { from: at('from-alone') })).rejects.toThrow(
      /a run of static, or from none/,
    );
  });

  it('go on from a finished stage 3, with its policy as it was', async () => {
    await train('stage3', 'further', { from: at('a3') });
    const [before, after] = [weights('a3'), weights('further')];
    for (const [name, values] of before) {
      const same = expect(after.get(name));
      if (name.startsWith('parameters/policy.')) same.toBe(values);
      if (name.startsWith('parameters/classifier.')) same.not.toBe(values);
    }
  });

  it('fit the policy, and nothing else, to what a finished stage 3 learnt', async () => {
    await train('stage2', 'fitted', { from: at('a3') });
    const [before, after] = [weights('a3'), weights('fitted')];
    for (const [name, values] of before) {
      const same = expect(after.get(name));
      if (name.startsWith('parameters/policy.')) same.not.toBe(values);
      else if (/^(parameters|statistics)\//.test(name)) same.toBe(values);
    }
  });

  it('train in bfloat16, also where parts are frozen', async () => {
    const narrow = TrainConfig.parse({
      ...tiny,
      precision: 'bfloat16',
      stage3: { ...tiny.stage3, freeze: ['global'] },
    });
    await train('stage2', 'narrow2', { config: narrow, from: at('a1') });
    await train('stage3', 'narrow3', { config: narrow, from: at('narrow2') });
    for (const run of ['narrow2', 'narrow3'])
      expect(
        readMetrics(join(at(run), 'metrics.csv')).every(({ loss }) => Number.isFinite(Number(loss))),
      ).toBe(true);
  });

  it('say which stage they start from', async () => {
    await expect(train('stage2', 'c')).rejects.toThrow(/starts from a run of stage1/);
    await expect(train('stage3', 'c', { from: at('a1') })).rejects.toThrow(UsageError);
    await expect(train('stage3', 'c', { from: at('a1') })).rejects.toThrow(/run of stage2/);
  });

  it('hold the same number of tensors after every step, and none in the end, also where they are interrupted', async () => {
    await train('static', 'd0');
    const before = tf.memory().numTensors;
    for (const [stage, from] of [['static'], ['stage1'], ['stage2', 'a1'], ['stage3', 'a2']] as const) {
      const interrupt = new AbortController();
      const counts: number[] = [];
      const onProgress = (): void => {
        if (counts.push(tf.memory().numTensors) === 200) interrupt.abort();
      };
      const data = { ...tiny.data, train: 100 * tiny.batchSize };
      const long = TrainConfig.parse({ ...tiny, data, [stage]: { ...tiny[stage], epochs: 3 } });
      const call = { config: long, signal: interrupt.signal, onProgress, ...(from && { from: at(from) }) };
      await expect(train(stage, `long-${stage}`, call)).rejects.toThrow(InterruptedError);
      expect(new Set(counts).size).toBe(1);
      expect(counts).toHaveLength(200);
      expect(tf.memory().numTensors).toBe(before);
    }
  }, 300_000);
});
