import { expect, it } from 'vitest';
import { oneAtATime } from '../../src/serve/one-at-a-time.js';

it('does what is asked for meanwhile once more, afterwards, also where it failed', async () => {
  const started: ((error?: Error) => void)[] = [];
  const ask = oneAtATime(
    () =>
      new Promise((resolve, reject) => {
        started.push(error => (error ? reject(error) : resolve()));
      }),
  );
  const settled: string[] = [];
  const asked = (name: string): void =>
    void ask().then(
      () => settled.push(name),
      () => settled.push(`${name} failed`),
    );
  const soon = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 1));
  asked('first');
  await soon();
  for (const name of ['second', 'third']) asked(name);
  await soon();
  expect(started.length).toBe(1);
  started[0]?.(new Error());
  await soon();
  expect([started.length, settled]).toEqual([2, ['first failed']]);
  asked('fourth');
  started[1]?.();
  await soon();
  expect([started.length, settled]).toEqual([3, ['first failed', 'second', 'third']]);
  started[2]?.();
  await soon();
  asked('fifth');
  await soon();
  expect([started.length, settled]).toEqual([4, ['first failed', 'second', 'third', 'fourth']]);
});
