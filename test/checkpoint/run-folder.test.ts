import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createRun, openRun, resumeRun, type RunDescription } from '../../src/checkpoint/run-folder.js';
import { RunError } from '../../src/errors/index.js';
import { errorOf } from '../helpers/error-of.js';
import { temporaryFolder } from './support.js';

const description: RunDescription = {
  config: { preset: 'cluttered-60', model: { steps: 4, patch: 28 } },
  seed: 7,
  command: ['train', 'stage1', '--preset', 'cluttered-60'],
  environment: { node: '20.0.0', threads: 2 },
};

/** The folder of a run that nobody writes to. */
function closedRun(): string {
  const path = join(temporaryFolder(), 'run');
  createRun(path, description).close();
  return path;
}

function refusal(action: () => unknown): string {
  const error = errorOf(action);
  expect(error).toBeInstanceOf(RunError);
  return error.message;
}

describe('createRun', () => {
  it('makes a folder that says what the run is', () => {
    const path = join(temporaryFolder(), 'deep', 'run');
    const run = createRun(path, description);
    expect(run).toMatchObject(description);
    expect(JSON.parse(readFileSync(join(path, 'config.json'), 'utf8'))).toEqual(description.config);
    expect(readdirSync(path).sort()).toEqual(['checkpoints', 'config.json', 'environment.json', 'lock']);
    expect(readdirSync(run.checkpoints)).toEqual([]);
    run.close();
    expect(readdirSync(path)).not.toContain('lock');
    expect(openRun(path)).toEqual({
      ...description,
      path,
      metrics: join(path, 'metrics.csv'),
      events: join(path, 'tensorboard'),
      checkpoints: join(path, 'checkpoints'),
      progress: join(path, 'progress.json'),
      logFile: join(path, 'log.txt'),
      lock: join(path, 'lock'),
    });
  });

  it('uses an empty folder, and one whose creation was interrupted', () => {
    const path = temporaryFolder();
    const dead = spawnSync('true').pid;
    mkdirSync(join(path, 'checkpoints'));
    for (const name of ['environment.json', 'lock', `.config.json.${dead}.gfnet-tmp`])
      writeFileSync(join(path, name), '');
    createRun(path, description).close();
    expect(openRun(path)).toMatchObject(description);
    expect(readdirSync(path).sort()).toEqual(['checkpoints', 'config.json', 'environment.json']);
  });

  it('refuses a folder that is a run already, running or not, and says how to go on', () => {
    const path = closedRun();
    const before = readFileSync(join(path, 'environment.json'), 'utf8');
    expect(refusal(() => createRun(path, description))).toMatch(/run already\n[^]*--resume[^]*--out/);
    const running = resumeRun(path);
    expect(refusal(() => createRun(path, description))).toMatch(/run already/);
    running.close();
    expect(readFileSync(join(path, 'environment.json'), 'utf8')).toBe(before);
  });

  it('refuses a folder that holds something else, and leaves it alone', () => {
    const path = temporaryFolder();
    writeFileSync(join(path, 'thesis.tex'), '');
    expect(refusal(() => createRun(path, description))).toMatch(/not empty[^]*thesis\.tex[^]*--out/);
    expect(readdirSync(path)).toEqual(['thesis.tex']);
  });

  it('refuses a path that is a file or leads through one', () => {
    const file = join(temporaryFolder(), 'file');
    writeFileSync(file, '');
    expect(refusal(() => createRun(file, description))).toMatch(/a file of that name is in the way/);
    expect(refusal(() => createRun(join(file, 'run'), description))).toMatch(/a part of its path is a file/);
  });

  it('refuses a folder that may not be written', () => {
    const path = temporaryFolder();
    chmodSync(path, 0o555);
    asUnprivileged(() => {
      expect(refusal(() => createRun(path, description))).toMatch(/permission is denied\n.*lock/);
      expect(refusal(() => createRun(join(path, 'run'), description))).toMatch(/permission is denied\n.*run/);
    });
    expect(readdirSync(path)).toEqual([]);
  });
});

describe('resumeRun', () => {
  it('opens the run for this process alone, and clears what killed writers left', () => {
    const path = closedRun();
    const leftover = join(path, 'checkpoints', `.last.json.${spawnSync('true').pid}.gfnet-tmp`);
    writeFileSync(leftover, '');
    const run = resumeRun(path);
    expect(run).toMatchObject(description);
    expect(readdirSync(run.checkpoints)).toEqual([]);
    expect(refusal(() => resumeRun(path))).toMatch(new RegExp(`in use.*\n.*process ${process.pid}`));
    run.close();
    resumeRun(path).close();
  });

  it('appends to the log', () => {
    const path = closedRun();
    for (const line of ['first', 'second']) {
      const run = resumeRun(path);
      run.log(line);
      run.close();
    }
    expect(readFileSync(join(path, 'log.txt'), 'utf8')).toMatch(/^20\S+Z first\n20\S+Z second\n$/);
  });
});

describe('openRun', () => {
  it('reads a run while it is written', () => {
    const path = closedRun();
    const writer = resumeRun(path);
    expect(openRun(path)).toMatchObject(description);
    writer.close();
  });

  it('refuses what is no run', () => {
    const path = temporaryFolder();
    expect(refusal(() => openRun(path))).toMatch(/not a run folder/);
    expect(refusal(() => resumeRun(join(path, 'nowhere')))).toMatch(/not a run folder/);
    expect(readdirSync(path)).toEqual([]);
  });

  it.each(['config.json', 'environment.json'])('refuses a run whose %s is damaged or missing', name => {
    const path = closedRun();
    appendFileSync(join(path, name), '}');
    expect(refusal(() => openRun(path))).toMatch(new RegExp(`damaged[^]*${name}`));
    rmSync(join(path, name));
    expect(refusal(() => openRun(path))).toContain(name);
  });
});

/** Runs `action` with a user's rights where the tests run as root, whom permissions don't stop. */
function asUnprivileged(action: () => void): void {
  const root = process.geteuid?.() === 0;
  if (root) process.seteuid?.(65534);
  try {
    action();
  } finally {
    if (root) process.seteuid?.(0);
  }
}
