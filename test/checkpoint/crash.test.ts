import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadCheckpoint, saveCheckpoint } from '../../src/checkpoint/checkpoint.js';
import { stream } from '../../src/random/index.js';
import { errorOf } from '../helpers/error-of.js';
import { compileProgram, temporaryFolder, versionContent } from './support.js';

let program: string;
beforeAll(() => {
  program = compileProgram('test/checkpoint/programs/save-versions', ['src/errors', 'src/checkpoint']);
});

/** The version that the checkpoint in `folder` holds, all of whose values must be of that version. */
function loadedVersion(folder: string): number {
  const { manifest, tensors } = loadCheckpoint(folder, 'last');
  const version = Number(manifest.progress.version);
  for (const { values } of tensors.values()) {
    expect(values.length).toBe(100_000);
    expect(values.every(value => value === version)).toBe(true);
  }
  return version;
}

/** Lets the program save for some milliseconds after its first save, kills it, and gives the last version it said was complete. */
async function saveAndKill(folder: string, milliseconds: number): Promise<number> {
  const child: ChildProcess = spawn(process.execPath, [program, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(child, 'exit');
  let complete = 0;
  const lines = createInterface({ input: child.stdout ?? expect.fail('no output') });
  lines.on('line', line => {
    complete = Number(line);
  });
  await once(lines, 'line');
  await setTimeout(milliseconds);
  child.kill('SIGKILL');
  await Promise.all([exit, once(lines, 'close')]);
  expect(child.signalCode).toBe('SIGKILL');
  return complete;
}

describe('a process killed at any moment while it saves', () => {
  it.concurrent.each([1, 2])('leaves the last complete version, or the one after it (%i)', async seed => {
    const folder = temporaryFolder();
    const random = stream(seed, 'kills');
    let interrupted = 0;
    for (let kill = 0; kill < 20; kill++) {
      const complete = await saveAndKill(folder, 30 * random());
      interrupted += Number(readdirSync(folder).length > 2);
      const version = loadedVersion(folder);
      expect(version - complete === 0 || version - complete === 1).toBe(true);
    }
    expect(interrupted).toBeGreaterThan(0);
    saveCheckpoint(folder, 'last', versionContent(1));
    expect(readdirSync(folder)).toHaveLength(2);
  });
});

it('a checkpoint loads at any moment while a process replaces it', async () => {
  const folder = temporaryFolder();
  const child = spawn(process.execPath, [program, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await once(child.stdout, 'data');
    const versions = Array.from({ length: 300 }, () => loadedVersion(folder));
    expect(new Set(versions).size).toBeGreaterThan(10);
    expect(versions).toEqual(versions.toSorted((a, b) => a - b));
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
});

describe('a disk without room for the next checkpoint', () => {
  it('keeps the one before, where files are limited in size', () => {
    const folder = temporaryFolder();
    const save = (blocks: string, size: number) =>
      spawnSync(
        'bash',
        [
          '-c',
          `ulimit -f ${blocks}; exec "$@"`,
          'bash',
          process.execPath,
          program,
          folder,
          String(size),
          '1',
        ],
        {
          encoding: 'utf8',
        },
      );
    expect(save('unlimited', 100_000).stdout).toBe('1\n');
    const { status, stderr } = save('1000', 1_000_000);
    expect(status).toBe(1);
    expect(stderr).toMatch(/RunError: cannot write: the file would exceed the limit on file sizes/);
    expect(loadedVersion(folder)).toBe(1);
    expect(readdirSync(folder)).toHaveLength(2);
  });

  const disk = temporaryFolder();
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=400k', 'tmpfs', disk]).status === 0;
  afterAll(() => {
    if (mounted) execFileSync('umount', [disk]);
  });

  it.runIf(mounted)('keeps the one before, where it is full', () => {
    saveCheckpoint(disk, 'last', versionContent(1, 60_000));
    const before = readdirSync(disk);
    for (const length of [60_000, 200_000]) {
      const error = errorOf(() => saveCheckpoint(disk, 'last', versionContent(2, length)));
      expect(error.message).toMatch(/the disk is full/);
      expect(error.explanation.given).toContain(join(disk, 'last-'));
      expect(loadCheckpoint(disk, 'last').tensors).toEqual(versionContent(1, 60_000).tensors);
      expect(readdirSync(disk)).toEqual(before);
    }
    // What a killed save left must not take the room of the next.
    writeFileSync(join(disk, 'last-0123456789abcdef.safetensors'), Buffer.alloc(100_000));
    saveCheckpoint(disk, 'last', versionContent(3, 20_000));
    expect(loadCheckpoint(disk, 'last').manifest.progress).toEqual({ version: 3 });
  });
});
