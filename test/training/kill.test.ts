import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Random } from '../../src/random/index.js';
import { integer, stream } from '../../src/random/index.js';
import type { StageName } from '../../training/trainer.js';
import { readEvents } from '../checkpoint/event-reader.js';
import { compileProgram, temporaryFolder } from '../checkpoint/support.js';
import { picture } from '../data/images/support.js';
import { tiny, weights } from './support.js';

const folder = temporaryFolder();
const at = (name: string): string => join(folder, name);
const epochs = 6;
const config = {
  ...tiny,
  data: { kind: 'known-answer', side: 40, patch: 12, train: 64, validation: 20, test: 20 },
  network: { ...tiny.network, patch: 12, steps: 2 },
  stage1: { ...tiny.stage1, epochs },
  stage2: { ...tiny.stage2, epochs },
};

/** Image files, with everything on that draws or remembers. */
const settings = {
  warmup: 1,
  maxNorm: 1,
  accumulate: 2,
  ema: 0.9,
  mixup: 0.4,
  cutmix: 1,
  labelSmoothing: 0.1,
};
const files = {
  ...tiny,
  data: { kind: 'folder', folder: at('images'), side: 40, augment: { contrast: 0.2 } },
  network: config.network,
  stage1: { ...tiny.stage1, ...settings, epochs },
  stage2: { epochs },
  stage3: { ...tiny.stage3, ...settings, epochs },
  static: { ...tiny.static, ...settings, epochs },
};

let program: string;
beforeAll(async () => {
  program = compileProgram('test/training/programs/train', ['src', 'training']);
  for (let i = 0; i < 40; i++) {
    await picture(join(at('images'), 'red', `${i}.png`), [200, 3 * i, 40], { width: 50, height: 44 });
    await picture(join(at('images'), 'blue', `${i}.png`), [3 * i, 40, 200], { width: 44, height: 50 });
  }
  await train('stage1', 'whole1');
  await train('stage2', 'whole2', { from: 'whole1' });
}, 300_000);

interface Call {
  readonly from?: string | undefined;
  readonly kill?: (line: number) => Promise<boolean>;
  readonly on?: object;
}

/** Runs the program to its end; or until `kill` says, which is told of each line. Whether it came to its end. */
async function train(
  stage: StageName,
  out: string,
  { from, kill = () => Promise.resolve(false), on = config }: Call = {},
): Promise<boolean> {
  const options = JSON.stringify({ stage, out: at(out), from: from && at(from), seed: 7, config: on });
  const child = spawn(process.execPath, [program, options], { stdio: ['ignore', 'pipe', 'pipe'] });
  const exit = once(child, 'exit');
  let errors = '';
  child.stderr.on('data', (text: Buffer) => (errors += text.toString()));
  let line = 0;
  createInterface({ input: child.stdout }).on('line', () => {
    void kill(line++).then(now => now && child.kill('SIGKILL'));
  });
  await exit;
  if (child.signalCode === null) expect(child.exitCode, errors).toBe(0);
  return child.signalCode === null;
}

/** Kills some milliseconds after one of the first lines, five of which make an epoch: between two steps, or while an epoch is saved. */
function killer(random: Random): (line: number) => Promise<boolean> {
  const last = integer(random, 11);
  const milliseconds = 20 * random();
  return async line => {
    if (line !== last) return false;
    await setTimeout(milliseconds);
    return true;
  };
}

describe('a training process killed at any moment, again and again', () => {
  it.concurrent.each([
    ['stage1', 'whole1', undefined],
    ['stage2', 'whole2', 'whole1'],
  ] as const)(
    'resumes to the bits of %s trained at once in another process',
    async (stage, whole, from) => {
      await resumed(stage, whole, { from });
    },
    300_000,
  );

  it('does so in every stage on a folder of images, with every setting', async () => {
    for (const [stage, from] of [
      ['stage1', undefined],
      ['stage2', 'files-stage1'],
      ['stage3', 'files-stage2'],
      ['static', undefined],
    ] as const) {
      const call = { from, on: files };
      await train(stage, `files-${stage}`, call);
      await resumed(stage, `files-${stage}`, call);
    }
  }, 900_000);
});

/** Expects of a run that is killed again and again all that the run `whole` has. */
async function resumed(stage: StageName, whole: string, call: Call): Promise<void> {
  const out = `killed-${whole}`;
  const random = stream(1, 'kills', stage);
  let kills = 0;
  while (!(await train(stage, out, { ...call, kill: killer(random) }))) kills++;
  expect(kills).toBeGreaterThanOrEqual(epochs / 2);
  for (const name of ['best', 'last'] as const)
    expect(weights(at(out), name)).toEqual(weights(at(whole), name));
  const metrics = (run: string): string => readFileSync(join(at(run), 'metrics.csv'), 'utf8');
  expect(metrics(out)).toBe(metrics(whole));
  expect(readEvents(join(at(out), 'tensorboard'))).toEqual(readEvents(join(at(whole), 'tensorboard')));
  expect(metrics(whole).split('\n')).toHaveLength(epochs + 2);
}
