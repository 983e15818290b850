import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import { freePorts } from '../../src/cli/local-workers.js';
import { exitCodes } from '../../src/errors/index.js';
import { readEvents } from '../checkpoint/event-reader.js';
import { temporaryFolder } from '../checkpoint/support.js';
import { launcher, writeConfig } from '../cli/support.js';
import { broken, picture } from '../data/images/support.js';
import { tiny, weights } from './support.js';

/** docs/machines.md: within which those that are left stop, in ms. */
const stated = 20_000;
const folder = temporaryFolder();
const epochs = 12;
writeConfig(folder, 'config.json', { stage1: { ...tiny.stage1, epochs, mixup: 0.2, accumulate: 2 } });

interface Started {
  readonly process: ChildProcess;
  /** Its exit code or signal, and what it said. */
  readonly end: Promise<{ how: number | string | null; said: string }>;
  /** When this epoch is told of. */
  readonly epoch: (number: number) => Promise<void>;
}

function start(out: string, ...args: string[]): Started {
  const given = ['train', 'stage1', '--config', 'config.json', '--out', out, '--threads', '1', ...args];
  const child = spawn(process.execPath, [launcher, ...given], {
    cwd: folder,
    stdio: ['ignore', 'inherit', 'pipe'],
    timeout: 200_000,
  });
  let said = '';
  const waiting = new Map<number, () => void>();
  createInterface({ input: child.stderr }).on('line', line => {
    said += `${line}\n`;
    const [, epoch] = /epoch (\d+)\//.exec(line) ?? [];
    waiting.get(Number(epoch))?.();
  });
  const end = once(child, 'close').then(([code, signal]: (number | string | null)[]) => ({
    how: signal ?? code ?? null,
    said,
  }));
  const epoch = (number: number): Promise<void> => new Promise(resolve => waiting.set(number, resolve));
  return { process: child, end, epoch };
}

/** Two workers, each started by itself. */
async function startTwo(out: string, ...args: string[]): Promise<[Started, Started]> {
  const workers = (await freePorts(2)).map(port => `127.0.0.1:${port}`).join();
  const one = (task: number): Started => start(out, '--workers', workers, '--task', String(task), ...args);
  return [one(0), one(1)];
}

describe('a run of two workers', () => {
  it('interrupted, then one of them killed, then another, resumes to the bits of one that was not', async () => {
    const whole = start('whole', '--local-workers', '2');
    expect(await whole.end).toMatchObject({ how: 0 });

    // Ctrl-C of the one that started them; told to one of them, both stop.
    const local = start('run', '--local-workers', '2');
    await local.epoch(2);
    local.process.kill('SIGINT');
    const interrupted = await local.end;
    expect(interrupted, interrupted.said).toMatchObject({ how: exitCodes.interrupted });
    expect(interrupted.said).toContain('go on with: gfnet train stage1 --out run --local-workers 2 --resume');

    // Workers do not outlive the one that started them; its end is heard when the last of them has closed its output.
    const orphaned = start('run', '--resume', '--local-workers', '2');
    await orphaned.epoch(4);
    orphaned.process.kill('SIGKILL');
    const killedAt = performance.now();
    expect((await orphaned.end).said).toContain('--resume');
    expect(performance.now() - killedAt).toBeLessThan(stated);

    for (const [killed, at] of [
      [1, 5],
      [0, 8],
    ] as const) {
      const two = await startTwo('run', '--resume');
      await two[0].epoch(at);
      two[killed].process.kill('SIGKILL');
      const from = performance.now();
      const left = await (two[1 - killed] as Started).end;
      expect(performance.now() - from).toBeLessThan(stated);
      expect(left, left.said).toMatchObject({ how: exitCodes.workerLost });
      expect(left.said).toMatch(/no longer reach one another/);
      expect(left.said).toMatch(/start all of them again, with --resume/);
    }

    const last = start('run', '--resume', '--local-workers', '2');
    expect(await last.end).toMatchObject({ how: 0 });
    const at = (run: string, file: string): string => join(folder, run, file);
    for (const name of ['last', 'best'] as const)
      expect(weights(at('run', ''), name)).toEqual(weights(at('whole', ''), name));
    const metrics = (run: string): string => readFileSync(at(run, 'metrics.csv'), 'utf8');
    expect(metrics('run')).toBe(metrics('whole'));
    expect(metrics('whole').trim().split('\n')).toHaveLength(epochs + 1);
    expect(readEvents(at('run', 'tensorboard'))).toEqual(readEvents(at('whole', 'tensorboard')));
  }, 600_000);
});

describe('workers that do not fit together', () => {
  it('say so, both of them', async () => {
    const workers = (await freePorts(2)).map(port => `127.0.0.1:${port}`).join();
    const ends = await Promise.all(
      [0, 1].map(
        task => start('other', '--workers', workers, '--task', String(task), '--seed', String(task)).end,
      ),
    );
    for (const { how, said } of ends) {
      expect(how).toBe(exitCodes.badInput);
      expect(said).toMatch(/do not train the same/);
    }
  });
});

describe('image files that cannot be read', () => {
  it('are told by name, whichever of the workers here has them in its share', async () => {
    const images = join(folder, 'images');
    for (const name of ['red', 'blue']) {
      for (let i = 0; i < 12; i++)
        await picture(join(images, name, `${i}.png`), [name === 'red' ? 200 : 20, 10 * i, 90], {
          width: 40,
          height: 40,
        });
      for (let i = 0; i < 3; i++) broken(join(images, name, `broken-${i}.png`));
    }
    const data = { kind: 'folder', folder: images, side: 40 };
    writeConfig(folder, 'broken.json', { data, static: { ...tiny.static, epochs: 2 }, batchSize: 10 });
    const given = ['train', 'static', '--config', 'broken.json', '--out', 'broken', '--local-workers', '2'];
    const { status, stderr } = spawnSync(process.execPath, [launcher, ...given], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect(status, stderr).toBe(0);
    for (const name of ['red', 'blue'])
      for (let i = 0; i < 3; i++) expect(stderr).toContain(join(name, `broken-${i}.png`));
  }, 120_000);
});
