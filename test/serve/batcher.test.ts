/** What the server takes in when more comes than it can answer, with a clock that stands still between events. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Batcher, QueueFull } from '../../src/serve/batcher.js';
import type { Pool } from '../../src/serve/pool.js';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** One process that takes `pace` milliseconds for an image. */
function processes(pace: number, onFree: () => void): Pool {
  let busy = false;
  return {
    size: 1,
    get free() {
      return !busy;
    },
    async run(images: readonly Uint8Array[]) {
      busy = true;
      await new Promise(resolve => setTimeout(resolve, pace * images.length));
      busy = false;
      onFree();
      return { kind: 'done', id: 0, outcomes: images.map(() => ({ problem: { problem: 'computed' } })) };
    },
  } as unknown as Pool;
}

describe.each([
  ['a slow model', 50],
  ['a fast one', 1],
])('%s, three times as many requests as it can answer', (_, pace) => {
  it('answers all that it takes in before their deadline, and takes in as many as it can answer', async () => {
    const deadline = 2000;
    const pool: Pool = processes(pace, () => batcher.dispatch());
    const batcher: Batcher = new Batcher(() => pool, {
      ...{ batch: 16, delay: 4, queue: 256, deadline },
      onBatch: () => undefined,
    });
    const count = Math.round((3 * 10_000) / pace);
    const answered: number[] = [];
    const refusedFor: number[] = [];
    let lost = 0;
    for (let i = 0; i < count; i++) {
      const sent = performance.now();
      void batcher.submit([new Uint8Array(1)], {}, new AbortController().signal).then(
        () => answered.push(performance.now() - sent),
        (error: unknown) => {
          if (error instanceof QueueFull) refusedFor.push(error.seconds);
          else lost++;
        },
      );
      await vi.advanceTimersByTimeAsync(pace / 3);
    }
    await vi.advanceTimersByTimeAsync(20_000);
    expect(lost).toBe(0);
    expect(answered.length + refusedFor.length).toBe(count);
    expect(Math.max(...answered)).toBeLessThan(deadline);
    expect(answered.length).toBeGreaterThan(0.9 * (10_000 / pace));
    expect(refusedFor.length).toBeGreaterThan(0.5 * count);
  });
});

it('tells how long to wait where much waits', async () => {
  const pool: Pool = processes(100, () => batcher.dispatch());
  const batcher: Batcher = new Batcher(() => pool, {
    ...{ batch: 1, delay: 0, queue: 1000, deadline: 10_000 },
    onBatch: () => undefined,
  });
  const submit = (): Promise<unknown> =>
    batcher.submit([new Uint8Array(1)], {}, new AbortController().signal).catch((error: unknown) => error);
  const first = submit();
  await vi.advanceTimersByTimeAsync(100);
  await first;
  const others = Array.from({ length: 60 }, submit);
  await vi.advanceTimersByTimeAsync(10_000);
  const refused = (await Promise.all(others)).filter(outcome => outcome instanceof QueueFull);
  // 10 images a second, and half the deadline to wait.
  expect(refused.length).toBe(10);
  expect(refused[0]?.seconds).toBe(6);
});
