import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { duration } from '../../src/cli/options.js';
import { timeLimit } from '../../src/cli/time-limit.js';
import { timeUp } from '../../training/loop.js';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

it('leaves room for a step and for saving, twice as long as they took', () => {
  const interrupt = new AbortController();
  const limit = timeLimit(interrupt, performance.now() + 10_000);
  limit.onSave(500);
  let steps = 0;
  for (; !interrupt.signal.aborted; steps++) {
    vi.advanceTimersByTime(1000);
    limit.onStep();
  }
  // After 7 steps 3 s are left: as much as two steps and two saves take.
  expect(steps).toBe(7);
  expect(interrupt.signal.reason).toBe(timeUp);
  limit.stop();
});

it('cuts short what comes after the last step, such as validation', () => {
  const interrupt = new AbortController();
  const limit = timeLimit(interrupt, performance.now() + 10_000);
  limit.onSave(100);
  vi.advanceTimersByTime(3000);
  limit.onStep();
  vi.advanceTimersByTime(6799);
  expect(interrupt.signal.aborted).toBe(false);
  vi.advanceTimersByTime(1);
  expect(interrupt.signal.aborted).toBe(true);
});

it('takes times as they are written', () => {
  expect(['2h', '1h30m', '90m', '1.5s', '1d'].map(duration)).toEqual([7.2e6, 5.4e6, 5.4e6, 1500, 8.64e7]);
  for (const wrong of ['', '2', 'h', '2 h', '-1h', '0s', '1h!']) expect(() => duration(wrong)).toThrow(/2h/);
});
