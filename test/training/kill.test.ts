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

let program: string;
beforeAll(async () => {
  program = compileProgram('test/training/programs/train', ['src', 'training']);
  await train('stage1', 'whole1');
  await train('stage2', 'whole2');
}, 300_000);

/** Runs the program to its end; or until `kill` says, which is told of each line. Whether it came to its end. */
async function train(
  stage: StageName,
  out: string,
  kill: (line: number) => Promise<boolean> = () => Promise.resolve(false),
): Promise<boolean> {
  const from = stage === 'stage1' ? undefined : at('whole1');
  const options = JSON.stringify({ stage, out: at(out), from, seed: 7, config });
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
    ['stage1', 'whole1'],
    ['stage2', 'whole2'],
  ] as const)(
    'resumes to the bits of %s trained at once in another process',
    async (stage, whole) => {
      const out = `killed-${stage}`;
      const random = stream(1, 'kills', stage);
      let kills = 0;
      while (!(await train(stage, out, killer(random)))) kills++;
      expect(kills).toBeGreaterThanOrEqual(epochs / 2);
      for (const name of ['best', 'last'] as const)
        expect(weights(at(out), name)).toEqual(weights(at(whole), name));
      const metrics = (run: string): string => readFileSync(join(at(run), 'metrics.csv'), 'utf8');
      expect(metrics(out)).toBe(metrics(whole));
      expect(readEvents(join(at(out), 'tensorboard'))).toEqual(readEvents(join(at(whole), 'tensorboard')));
      expect(metrics(whole).split('\n')).toHaveLength(epochs + 2);
    },
    300_000,
  );
});
