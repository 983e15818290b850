import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeEnvironment } from '../../src/checkpoint/program.js';
import { createRun } from '../../src/checkpoint/run-folder.js';
import { staticsBeside, trainingCommands } from '../../src/cli/lineage.js';

const folder = mkdtempSync(join(tmpdir(), 'gfnet-lineage-'));
const back = process.cwd();
beforeAll(() => process.chdir(folder));
afterAll(() => {
  process.chdir(back);
  rmSync(folder, { recursive: true });
});

function run(path: string, command: string): string {
  mkdirSync(path, { recursive: true });
  const environment = describeEnvironment();
  createRun(path, { config: {}, seed: 1, command: command.split(' '), environment }).close();
  return command;
}

it('all that a run goes on from is told in its order, and static networks after it', () => {
  const commands = [
    run('a/stage1', 'gfnet train stage1 --out a/stage1'),
    run('a/stage2', 'gfnet train stage2 --from a --out a/stage2'),
    run('a/stage3', 'gfnet train stage3 --from a/stage2 --out a/stage3'),
    run('a/settled', 'gfnet train stage3 --out a/settled --from a/stage3'),
    run('a/static-60', 'gfnet train static --out a/static-60'),
  ];
  mkdirSync('a/static-notes');
  writeFileSync('a/static.txt', '');
  expect(staticsBeside('a')).toEqual(['a/static-60']);
  expect(staticsBeside('a/settled')).toEqual(['a/static-60']);
  expect(trainingCommands('a/settled', staticsBeside('a/settled'))).toEqual(commands);
  expect(trainingCommands('a/stage2', [])).toEqual(commands.slice(0, 2));
  // Moved along; where stage 1 was then is not known.
  renameSync('a', 'b');
  expect(trainingCommands('b/settled', [])).toEqual(commands.slice(1, 4));
  rmSync('b/stage2', { recursive: true });
  expect(trainingCommands('b/settled', [])).toEqual(commands.slice(2, 4));
});

it('one command made all stages, from encoders that learnt before', () => {
  const alone = run('close', 'gfnet train static --out close');
  const all = 'gfnet train all --from close --out c';
  for (const stage of ['stage1', 'stage2', 'stage3']) run(join('c', stage), all);
  expect(trainingCommands('c/stage3', [])).toEqual([alone, all]);
});
