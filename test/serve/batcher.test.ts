/** What the server takes in when more comes than it can answer, with a clock that stands still between events. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Batcher, QueueFull, TooLate } from '../../src/serve/batcher.js';
import { Deadline } from '../../src/serve/deadline.js';
import type { Pool } from '../../src/serve/pool.js';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const within = (milliseconds: number): Deadline => new Deadline(milliseconds, () => undefined);

/** One image, whose deadline ends once it has its answer. */
function submit(batcher: Batcher, deadline: Deadline): Promise<unknown> {
  return batcher.submit([new Uint8Array(1)], {}, deadline).finally(() => deadline.end());
}

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
      ...{ batch: 16, delay: 4, queue: 256 },
      onBatch: () => undefined,
    });
    const count = Math.round((3 * 10_000) / pace);
    const answered: number[] = [];
    const refusedFor: number[] = [];
    let lost = 0;
    for (let i = 0; i < count; i++) {
      const sent = performance.now();
      void submit(batcher, within(deadline)).then(
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
    ...{ batch: 1, delay: 0, queue: 1000 },
    onBatch: () => undefined,
  });
  const outcome = (): Promise<unknown> => submit(batcher, within(10_000)).catch((error: unknown) => error);
  const first = outcome();
  await vi.advanceTimersByTimeAsync(100);
  await first;
  const others = Array.from({ length: 60 }, outcome);
  await vi.advanceTimersByTimeAsync(10_000);
  const refused = (await Promise.all(others)).filter(outcome => outcome instanceof QueueFull);
  // 10 images a second, and half the deadline to wait.
  expect(refused.length).toBe(10);
  expect(refused[0]?.seconds).toBe(6);
});

it('computes nothing for a request whose deadline has passed, before it is taken in or while it waits', async () => {
  const computed: number[] = [];
  const pool: Pool = processes(100, () => batcher.dispatch());
  const batcher: Batcher = new Batcher(() => pool, {
    ...{ batch: 1, delay: 0, queue: 10 },
    onBatch: images => computed.push(images),
  });
  const outcome = (deadline: Deadline): Promise<unknown> =>
    submit(batcher, deadline).catch((error: unknown) => error);
  const passed = within(10);
  await vi.advanceTimersByTimeAsync(10);
  expect(await outcome(passed)).toBeInstanceOf(TooLate);
  expect(computed).toEqual([]);
  const first = outcome(within(1000));
  const second = outcome(within(50));
  await vi.advanceTimersByTimeAsync(200);
  expect(await first).toHaveLength(1);
  expect(await second).toBeInstanceOf(TooLate);
  expect(computed).toEqual([1]);
  // What little is left of a deadline does not suffice behind what waits.
  const busy = outcome(within(1000));
  expect(await outcome(within(150))).toBeInstanceOf(QueueFull);
  await vi.advanceTimersByTimeAsync(200);
  await busy;
});
