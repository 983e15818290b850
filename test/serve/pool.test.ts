/** A pool whose processes end, and do not start again at once; with a clock that stands still between events. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Child } from '../../src/serve/child.js';
import type { WorkerSetting } from '../../src/serve/messages.js';
import { Pool } from '../../src/serve/pool.js';

beforeEach(() => vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

it('tells how a process ended and why another does not start, and starts it of the same setting as soon as it can', async () => {
  const child = { stop: () => undefined } as unknown as Child;
  let lose: (child: Child, how: string) => void = () => expect.fail();
  const start = vi.spyOn(Child, 'start').mockImplementation((_, onLost) => {
    lose = onLost;
    return Promise.resolve(child);
  });
  const told: unknown[] = [];
  const events = { onFree: () => undefined, onLost: tell, onFailed: tell };
  function tell(what: unknown): void {
    told.push(what);
  }
  const setting = { threads: 1, maxPixels: 1 } as WorkerSetting;
  const pool = await Pool.start(setting, 1, 1000, events);
  const error = new Error('no process');
  start.mockRejectedValueOnce(error).mockRejectedValueOnce(error);
  lose(child, 'SIGKILL');
  expect(pool.size).toBe(0);
  await vi.advanceTimersByTimeAsync(250);
  expect(told).toEqual(['SIGKILL', error, error]);
  expect(pool.size).toBe(0);
  await vi.advanceTimersByTimeAsync(100);
  expect(told).toHaveLength(3);
  expect(pool.size).toBe(1);
  expect(start.mock.calls.map(([given]) => given)).toEqual([setting, setting, setting, setting]);
  await pool.close();
});
