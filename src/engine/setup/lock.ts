/** One set-up at a time on a cache. */
import { rm, stat, utimes, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const heartbeatMilliseconds = 1000;
/** A lock not touched for so long belongs to a process that is gone. */
const staleMilliseconds = 5000;
const retryMilliseconds = 200;

/**
 * Runs `work` while holding the lock file `path`, waiting for whoever holds it (`onWait` is called once then).
 * The lock only saves doing the same work twice: what is done under it is put in place by renaming, so that a lock
 * wrongly taken for stale costs time, not correctness.
 */
export async function withLock<T>(path: string, onWait: () => void, work: () => Promise<T>): Promise<T> {
  if (!(await tryLock(path))) {
    onWait();
    do await sleep(retryMilliseconds);
    while (!(await tryLock(path)));
  }
  const heartbeat = setInterval(() => {
    const now = new Date();
    void utimes(path, now, now).catch(() => undefined);
  }, heartbeatMilliseconds);
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    await rm(path, { force: true });
  }
}

async function tryLock(path: string): Promise<boolean> {
  try {
    await writeFile(path, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const touched = (await stat(path).catch(() => undefined))?.mtimeMs;
  if (touched !== undefined && Date.now() - touched > staleMilliseconds) await rm(path, { force: true });
  return false;
}
