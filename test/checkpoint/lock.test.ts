import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { acquireLock } from '../../src/checkpoint/lock.js';
import { processStart, startFromPs } from '../../src/checkpoint/process-start.js';
import { RunError } from '../../src/errors/index.js';
import { errorOf } from '../helpers/error-of.js';
import { compileProgram, temporaryFolder } from './support.js';

let program: string;
beforeAll(() => {
  program = compileProgram('test/checkpoint/programs/hold-lock', ['src/errors', 'src/checkpoint']);
});

const lockPath = () => join(temporaryFolder(), 'lock');

/** A process that tries to take the lock, and whether it has it. */
async function contender(path: string): Promise<{ child: ChildProcess; holds: boolean }> {
  const child = spawn(process.execPath, [program, path], { stdio: ['ignore', 'pipe', 'ignore'] });
  const first: unknown[] = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
  return { child, holds: String(first[0]) === 'locked\n' };
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

describe('acquireLock', () => {
  it('holds until it is released, and leaves nothing', () => {
    const path = lockPath();
    const release = acquireLock(path);
    const error = errorOf(() => acquireLock(path));
    expect(error).toBeInstanceOf(RunError);
    expect(error.message).toMatch(new RegExp(`in use.*\n.*process ${process.pid}\n`));
    release();
    acquireLock(path)();
    expect(readdirSync(dirname(path))).toEqual([]);
  });

  it('refuses while another process lives, and takes over when it was killed', async () => {
    const path = lockPath();
    const { child, holds } = await contender(path);
    expect(holds).toBe(true);
    expect(errorOf(() => acquireLock(path)).explanation.given).toBe(`process ${child.pid ?? 0}`);
    await kill(child);
    expect(existsSync(path)).toBe(true);
    acquireLock(path)();
  });

  it('gives a dead process’s lock to exactly one of several', async () => {
    const path = lockPath();
    for (let round = 0; round < 3; round++) {
      const contenders = await Promise.all(Array.from({ length: 4 }, () => contender(path)));
      const holders = contenders.filter(({ holds }) => holds);
      expect(holders).toHaveLength(1);
      for (const { child } of holders) await kill(child);
    }
  });

  it('takes over from a process whose pid was given to another', () => {
    const path = lockPath();
    writeFileSync(path, JSON.stringify({ pid: process.pid, started: 'another time', host: hostname() }));
    const release = acquireLock(path);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ started: processStart(process.pid) });
    release();
  });

  it.each(['', '{"pid":', '{}'])('takes over a damaged lock: %j', text => {
    const path = lockPath();
    writeFileSync(path, text);
    acquireLock(path)();
    expect(existsSync(path)).toBe(false);
  });

  it('does not judge processes of another machine', () => {
    const path = lockPath();
    writeFileSync(path, JSON.stringify({ pid: 1, started: 'x', host: 'elsewhere' }));
    expect(errorOf(() => acquireLock(path)).message).toMatch(/process 1 on elsewhere\n.*delete .*lock/);
  });

  it('does not release a lock that was deleted and taken by another', () => {
    const path = lockPath();
    const release = acquireLock(path);
    writeFileSync(path, 'of another');
    release();
    expect(readFileSync(path, 'utf8')).toBe('of another');
  });
});

describe.each([
  ['processStart', processStart],
  ['startFromPs', startFromPs],
])('%s', (_, start) => {
  it('is the same each time, and no other process’s', () => {
    expect(start(process.pid)).toMatch(/\d/);
    expect(start(process.pid)).toBe(start(process.pid));
    expect(start(1)).not.toBe(start(process.pid));
  });

  it('is undefined for a process that has ended, waited for or not', async () => {
    expect(start(spawnSync('true').pid)).toBeUndefined();
    // The shell starts a process and turns into `sleep`, which never waits for it.
    const shell = spawn('sh', ['-c', 'sh -c "echo \\$\\$" & exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [pid] = (await once(shell.stdout, 'data')) as [Buffer];
    await expect.poll(() => start(Number(String(pid)))).toBeUndefined();
    expect(existsSync(`/proc/${String(pid).trim()}`)).toBe(process.platform === 'linux');
    await kill(shell);
  });
});
