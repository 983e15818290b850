import { describe, expect, it } from 'vitest';
import { Conveyor } from '../../src/predict/conveyor.js';
import { Stopwatch } from '../../src/predict/stopwatch.js';
import type { Taken } from '../../src/predict/step-runner.js';
import { integer, stream } from '../../src/random/index.js';
import type { Rows } from './counting.js';
import { Counting } from './counting.js';

/** Sends images through, batch by batch; the steps that each took, by its number, and how far ahead of the oldest image on its way the newest was. */
async function send(
  runner: Counting,
  sureAt: readonly number[],
  { batchSize, blocks }: { batchSize: number; blocks: number },
): Promise<{ steps: number[]; ahead: number }> {
  const conveyor = new Conveyor(runner, { batchSize, blocks, thresholds: [0.8, 0.8, 0.8] });
  const steps: number[] = sureAt.map(() => 0);
  const inside = new Set<number>();
  let ahead = 0;
  const note = async (looks: ReturnType<typeof conveyor.finish>): Promise<void> => {
    for await (const { images } of looks) {
      for (const { id, step, last } of images) {
        expect(step).toBe((steps[id] ?? NaN) + 1);
        steps[id] = step;
        inside.add(id);
        if (last) inside.delete(id);
      }
      ahead = Math.max(ahead, Math.max(...inside) - Math.min(...inside));
    }
  };
  for (let from = 0; from < sureAt.length; from += batchSize) {
    const own = sureAt.slice(from, from + batchSize);
    const ids = own.map((_, i) => from + i);
    await note(
      conveyor.put(
        own.map(value => Uint8Array.of(value)),
        ids,
      ),
    );
  }
  await note(conveyor.finish());
  expect(inside.size).toBe(0);
  conveyor.dispose();
  return { steps, ahead };
}

const drawn = (count: number, weights: readonly number[]): number[] => {
  const random = stream(3, 'sure');
  const lots = weights.flatMap((weight, i) => Array<number>(weight).fill(i + 1));
  return Array.from({ length: count }, () => lots[integer(random, lots.length)] ?? 1);
};

describe('continuous batching', () => {
  it('takes as many steps with each image as it needs, and none that is not needed', async () => {
    for (const batchSize of [1, 3, 16, 64]) {
      const runner = new Counting();
      const sure = drawn(200, [4, 3, 2, 1, 1]);
      const { steps } = await send(runner, sure, { batchSize, blocks: 4 });
      expect(steps).toEqual(sure.map(step => Math.min(step, 4)));
      expect(runner.alive).toBe(0);
      const rows = runner.runs.reduce((sum, [, count]) => sum + count, 0);
      expect(rows).toBe(steps.reduce((a, b) => a + b));
    }
  });

  it('fills the batches of every step, also where few images need it', async () => {
    const runner = new Counting();
    await send(runner, drawn(640, [5, 2, 1, 1]), { batchSize: 16, blocks: 16 });
    const full = runner.runs.filter(([, count]) => count === 16).length;
    expect(Math.max(...runner.runs.map(([, count]) => count))).toBe(16);
    expect(full / runner.runs.length).toBeGreaterThan(0.9);
  });

  it('lets no image wait for longer than the batches that may be on their way', async () => {
    const runner = new Counting();
    const sure = Array.from({ length: 400 }, (_, i) => (i === 5 ? 4 : 1));
    const { steps, ahead } = await send(runner, sure, { batchSize: 4, blocks: 6 });
    expect(steps[5]).toBe(4);
    expect(ahead).toBeLessThan(4 * 6);
    // Alone at last.
    expect(runner.runs.filter(([network]) => network !== 'a')).toEqual([
      ['b', 1],
      ['c', 1],
      ['c', 1],
    ]);
  });

  it('frees what waits where it is given up', async () => {
    const runner = new Counting();
    const conveyor = new Conveyor(runner, { batchSize: 4, blocks: 4, thresholds: [0.8, 0.8, 0.8] });
    const images = [2, 1, 3].map(value => Uint8Array.of(value));
    for await (const { images: seen } of conveyor.put(images, [0, 1, 2])) expect(seen).toHaveLength(3);
    expect(runner.alive).toBe(2);
    conveyor.dispose();
    expect(runner.alive).toBe(0);
  });

  it('frees what a step was to be taken with, where the step fails', async () => {
    class Failing extends Counting {
      override take(step: number, rows: Rows): Taken<Rows> {
        if (step === 1) throw new Error('out of memory');
        return super.take(step, rows);
      }
    }
    const runner = new Failing();
    const conveyor = new Conveyor(runner, { batchSize: 2, blocks: 4, thresholds: [0.8, 0.8, 0.8] });
    const send = async (): Promise<void> => {
      const images = [2, 1, 3, 2, 2, 2].map(value => Uint8Array.of(value));
      for (const from of [0, 2, 4])
        for await (const { images: seen } of conveyor.put(images.slice(from, from + 2), [from, from + 1]))
          expect(seen).toHaveLength(2);
    };
    await expect(send()).rejects.toThrow('out of memory');
    expect(runner.alive).toBeGreaterThan(0);
    conveyor.dispose();
    expect(runner.alive).toBe(0);
  });

  it('begins no step that would not end in time, and takes the first in any case', async () => {
    for (const [slow, taken] of [
      ['b', [1, 1, 1]],
      ['c', [2, 1, 2]],
      ['none', [3, 1, 4]],
    ] as const) {
      const runner = new Counting();
      const stopwatch = new Stopwatch(runner.networks, [1, 1, 1, 1]);
      for (const network of ['a', 'b', 'c']) stopwatch.note(network, 3, network === slow ? 1e9 : 0);
      const options = { batchSize: 3, blocks: 1, thresholds: [0.8, 0.8, 0.8], maxMs: 1e6, stopwatch };
      const conveyor = new Conveyor(runner, options);
      const steps = [0, 0, 0];
      const last: number[] = [];
      const images = [3, 1, 4].map(value => Uint8Array.of(value));
      for await (const { images: seen } of conveyor.all(images)) {
        for (const image of seen) {
          steps[image.id] = image.step;
          if (image.last) last.push(image.id);
        }
      }
      expect(steps).toEqual(taken);
      expect(last.sort()).toEqual([0, 1, 2]);
      expect(runner.alive).toBe(0);
    }
  });
});

describe('the time that a step will take', () => {
  it('is that of the next wider batch, or in proportion to the widest', () => {
    const stopwatch = new Stopwatch(['a', 'b', 'b'], [2, 6, 6]);
    expect(stopwatch.expected(1, 4)).toBe(0);
    stopwatch.note('a', 4, 10);
    expect(stopwatch.expected(0, 2)).toBe(10);
    expect(stopwatch.expected(0, 8)).toBe(20);
    // Never taken: by its Multi-Adds.
    expect(stopwatch.expected(2, 4)).toBe(30);
    stopwatch.note('b', 2, 5);
    stopwatch.note('b', 8, 16);
    expect([1, 2, 3, 16].map(rows => stopwatch.expected(1, rows))).toEqual([5, 5, 16, 32]);
    stopwatch.note('a', 4, 0);
    expect(stopwatch.expected(0, 4)).toBeCloseTo(7);
  });
});
