import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { beforeAll, describe, expect, it } from 'vitest';
import { freePorts } from '../../src/cli/local-workers.js';
import { explained } from '../../src/engine/collectives.js';
import { startEngine } from '../../src/engine/start.js';
import { normal, stream } from '../../src/random/index.js';
import { compileProgram } from '../checkpoint/support.js';
import { normalised, read } from './programs/normalised.js';

interface Told {
  readonly sums: number[][];
  readonly tree: number[][];
  readonly gathered: number[][];
  readonly outputs: number[][];
  readonly own: number[][];
}

/** More than two: the order in which three numbers are added shows. */
const count = 3;
const rows = 4;
const size = rows * 12;
// Large means: squares that cancel would show.
const x = [...normal(stream(1, 'x'), count * size)].map(value => 50 + value);
const w = [...normal(stream(1, 'w'), count * size)];
let told: Told[];

beforeAll(async () => {
  startEngine({ threads: 1 });
  const program = compileProgram('test/engine/programs/sums', ['src']);
  const workers = (await freePorts(count)).map(port => `127.0.0.1:${port}`).join();
  const run = async (task: number): Promise<Told> => {
    const share = (values: number[]): number[] => values.slice(task * size, (task + 1) * size);
    const args = [program, workers, String(task), JSON.stringify({ x: share(x), w: share(w) })];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], timeout: 150_000 });
    const [said, end] = await Promise.all([text(child.stdout), once(child, 'exit')]);
    expect(end).toEqual([0, null]);
    return JSON.parse(said) as Told;
  };
  told = await Promise.all(Array.from({ length: count }, (_, task) => run(task)));
}, 180_000);

const close = (actual: readonly number[], expected: readonly number[], tolerance: number): void => {
  expect(actual).toHaveLength(expected.length);
  const scale = Math.max(...expected.map(Math.abs));
  actual.forEach((value, i) =>
    expect(Math.abs(value - (expected[i] ?? NaN)) / scale).toBeLessThan(tolerance),
  );
};

/** Of what the three give for a tensor of so many numbers. */
const sumOf = (numbers: number): number[] => Array.from({ length: numbers }, (_, i) => 3 * i + 3000);

describe('three processes', () => {
  it('add up tensors of any size', () => {
    for (const { sums } of told) expect(sums).toEqual([1, 2, 3, 5000, 70_000].map(sumOf));
  });

  it('add up trees of large and small ones, each in its place', () => {
    for (const { tree } of told) expect(tree).toEqual([70_000, 2, 3].map(sumOf));
  });

  it('gather what each gives', () => {
    for (const { gathered } of told)
      expect(gathered).toEqual([
        [0, 7],
        [1, 7],
        [2, 7],
      ]);
  });

  it('have the same bits of what belongs to all', () => {
    for (const { outputs } of told) expect(outputs).toEqual(told[0]?.outputs);
  });

  it('normalise as TensorFlow’s own kernel does all rows in one process, gradients too', () => {
    const alone = normalised({ x, w }, false);
    const expected = read(alone.outputs);
    const names = ['loss', 'gradient of scale', 'gradient of offset', 'mean', 'variance'];
    expect(expected).toHaveLength(names.length);
    told[0]?.outputs.forEach((values, i) => close(values, expected[i] ?? [], 2e-5));
    const [output = [], gradient = []] = read(alone.own);
    close(
      told.flatMap(({ own }) => own[0] ?? []),
      output,
      2e-5,
    );
    close(
      told.flatMap(({ own }) => own[1] ?? []),
      gradient,
      2e-5,
    );
  });
});

describe('a process that works without a sum', () => {
  // docs/machines.md: an end at the next sign of life, a silence after 5 seconds.
  it.each([
    ['the first that another has ended', 'SIGKILL', 1],
    ['another that the first has ended', 'SIGKILL', 0],
    ['the first that another hangs', 'SIGSTOP', 1],
    ['another that the first hangs', 'SIGSTOP', 0],
  ] as const)(
    'finds out: %s',
    async (_, signal, lost) => {
      const program = compileProgram('test/engine/programs/outliving', ['src']);
      const workers = (await freePorts(2)).map(port => `127.0.0.1:${port}`).join();
      const pair = [0, 1].map(task => {
        const args = [program, workers, String(task)];
        const child = spawn(process.execPath, args, {
          stdio: ['ignore', 'pipe', 'inherit'],
          timeout: 90_000,
        });
        return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
      });
      for (const { lines } of pair) expect(await lines.next()).toEqual({ value: 'joined', done: false });
      const from = performance.now();
      pair[lost]?.child.kill(signal);
      const { value } = (await pair[1 - lost]?.lines.next()) as { value: string };
      pair[lost]?.child.kill('SIGKILL');
      expect(value).toMatch(/^WorkerLostError: the workers no longer reach one another/);
      expect(value).toContain(`task ${lost}, 127.0.0.1:`);
      expect(performance.now() - from).toBeLessThan(20_000);
    },
    120_000,
  );
});

describe('a process alone', () => {
  it('takes the kernel’s numbers of its own rows where statistics are joint', () => {
    const own = read(normalised({ x, w }, false));
    read(normalised({ x, w }, true)).forEach((values, i) => close(values, own[i] ?? [], 2e-5));
  });

  it('takes no error for that of a worker that is lost', () => {
    const error = new Error('Invalid TF_Status: 14 Message: Collective ops is aborted');
    expect(explained(error)).toBe(error);
  });
});
