/** How much faster two processes of one thread train than one: a step of resnet50 at 96 pixels, each with as many images. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePorts } from '../src/cli/local-workers.js';
import { EngineError } from '../src/errors/index.js';
import { spread } from '../src/model/spread.js';
import type { Spread } from '../src/model/spread.js';

const count = 2;
const target = 0.85;

export interface Scaling {
  readonly workers: number;
  /** Images of each. */
  readonly batch: number;
  /** Of a step, in seconds: one process by itself; two that do not know of one another; two that train together. */
  readonly alone: number;
  readonly apart: number;
  readonly together: number;
  /** Images a second of those together, over twice those of the one alone, of the rounds. */
  readonly efficiency: Spread;
  /** The same of those apart: what the machine itself allows. */
  readonly limit: Spread;
  /** Of adding up as many numbers as resnet50 has parameters, in seconds. */
  readonly sum: number;
  readonly target: number;
  readonly met: boolean;
}

export interface ScalingOptions {
  readonly batch: number;
  readonly rounds: number;
  readonly report: (message: string) => void;
}

/** Steps of a turn. */
const steps = 3;

export async function measureScaling({ batch, rounds, report }: ScalingOptions): Promise<Scaling> {
  const addresses = (await freePorts(count)).map(port => `127.0.0.1:${port}`).join();
  const tasks = Array.from({ length: count }, (_, task) => task);
  const single = tasks.map(task => new Worker(['', String(task), String(batch)]));
  const joined = tasks.map(task => new Worker([addresses, String(task), String(batch)]));
  const all = [...single, ...joined];
  const sides = [single.slice(0, 1), single, joined] as const;
  const sums: number[] = [];
  const times: [number[], number[], number[]] = [[], [], []];
  try {
    report(`workers: ${all.length} processes compile`);
    await Promise.all(all.map(worker => worker.answer()));
    for (let round = 0; round < rounds; round++) {
      report(`workers: round ${round + 1} of ${rounds}`);
      const turns = [...sides.entries()];
      for (const [i, side] of round % 2 === 0 ? turns : turns.toReversed()) {
        const taken = await Promise.all(side.map(worker => worker.run(steps)));
        times[i]?.push(Math.max(...taken) / steps);
      }
    }
    for (let round = 0; round < rounds; round++) {
      const taken = await Promise.all(joined.map(worker => worker.run(`sums ${steps}`)));
      sums.push(Math.max(...taken) / steps);
    }
  } finally {
    await Promise.all(all.map(worker => worker.close()));
  }
  const [alone, apart, together] = times;
  const against = (others: readonly number[]): Spread =>
    spread(alone.map((time, round) => time / (others[round] ?? NaN)));
  const efficiency = against(together);
  return {
    workers: count,
    batch,
    alone: spread(alone).median,
    apart: spread(apart).median,
    together: spread(together).median,
    efficiency,
    limit: against(apart),
    sum: spread(sums).median,
    target,
    met: efficiency.median >= target,
  };
}

class Worker {
  private readonly child: ChildProcess;
  private readonly lines: AsyncIterator<string>;

  constructor(args: readonly string[]) {
    this.child = spawn(process.execPath, [join(import.meta.dirname, 'worker.js'), ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const { stdout } = this.child as ChildProcess & { stdout: NodeJS.ReadableStream };
    this.lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  }

  /** Seconds. */
  async run(work: number | string): Promise<number> {
    this.child.stdin?.write(`${work}\n`);
    return Number(await this.answer());
  }

  async answer(): Promise<string> {
    const line = await this.lines.next();
    if (!line.done) return line.value;
    throw new EngineError({ problem: 'a worker stopped; what it said stands above' });
  }

  async close(): Promise<void> {
    const { child } = this;
    child.stdin?.end();
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
}
