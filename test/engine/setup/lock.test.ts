import { existsSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { withLock } from '../../../src/engine/setup/lock.js';
import { temporaryFolder } from './scratch.js';

describe('withLock', () => {
  it('lets one work at a time and tells the others that they wait', async () => {
    const path = join(temporaryFolder(), 'lock');
    let [inside, most, waits] = [0, 0, 0];
    const work = async (): Promise<void> => {
      most = Math.max(most, ++inside);
      await sleep(20);
      inside--;
    };
    await Promise.all([1, 2, 3].map(() => withLock(path, () => waits++, work)));
    expect({ most, waits }).toEqual({ most: 1, waits: 2 });
    expect(existsSync(path)).toBe(false);
  });

  it('is released when the work fails', async () => {
    const path = join(temporaryFolder(), 'lock');
    const failing = withLock(
      path,
      () => undefined,
      () => Promise.reject(new Error('no')),
    );
    await expect(failing).rejects.toThrow('no');
    expect(existsSync(path)).toBe(false);
  });

  it('is taken over from a process that is gone', async () => {
    const path = join(temporaryFolder(), 'lock');
    writeFileSync(path, '1');
    const minuteAgo = Date.now() / 1000 - 60;
    utimesSync(path, minuteAgo, minuteAgo);
    expect(
      await withLock(
        path,
        () => undefined,
        () => Promise.resolve('done'),
      ),
    ).toBe('done');
  });
});
