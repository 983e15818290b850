/** `npm run bench`: speed beside PyTorch, waiting for data, and whether memory stays flat. */
import { availableParallelism, cpus } from 'node:os';
import { Argument, Command, InvalidArgumentError } from 'commander';
import { exitCodes, GFNetError } from '../src/errors/index.js';
import { lineReporter } from '../src/engine/setup/report.js';
import { ensureEngine } from '../src/engine/setup/setup.js';
import { backend, startEngine } from '../src/engine/start.js';
import { renderTable } from '../src/report/terminal.js';
import { measureWaiting } from './data.js';
import { measureMemory } from './memory.js';
import { setUpPyTorch } from './peer.js';
import { measureSpeed } from './speed.js';
import type { Work } from './speed.js';
import { preset, stages } from './subject.js';
import { dataTable, memoryTable, speedTable } from './tables.js';
import type { Measurements } from './tables.js';

const works: readonly Work[] = [...stages, 'inference'];
const parts = [...works, 'data', 'memory'] as const;
type Part = (typeof parts)[number];

/** Names of several parts at once. */
const groups: Readonly<Record<'training' | 'all', readonly Part[]>> = { training: stages, all: parts };

interface Options {
  readonly pytorch: boolean;
  readonly compile?: boolean;
  readonly threads: number;
  readonly batch?: number;
  readonly rounds: number;
  readonly seconds: number;
  readonly steps: number;
  readonly json?: boolean;
}

const count = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('a whole number, 1 or more');
  return value;
};

const seconds = (text: string): number => {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError('a number of seconds above 0');
  return value;
};

const program = new Command('npm run bench --')
  .description(
    'Measure training and inference beside PyTorch, the wait for data, and whether memory stays flat.',
  )
  .addArgument(
    new Argument('[parts...]', 'what to measure')
      .choices([...parts, ...Object.keys(groups)])
      .default(['all']),
  )
  .option('--no-pytorch', 'time this program alone')
  .option('--compile', 'let torch.compile compete too (needs g++; minutes to warm)')
  .option('--threads <n>', 'threads of either side', count, availableParallelism())
  .option('--batch <n>', "images a step (default: the preset's)", count)
  .option('--rounds <n>', 'rounds, in which each side has one turn', count, 15)
  .option('--seconds <s>', 'length of a turn', seconds, 0.5)
  .option('--steps <n>', 'training steps over which memory is watched', count, 2000)
  .option('--json', 'print the measurements as JSON')
  .addHelpText(
    'after',
    `
Examples:
  npm run bench
  npm run bench -- training data memory
  npm run bench -- stage2 inference --compile --rounds 30
  npm run bench -- stage1 --no-pytorch --threads 1`,
  )
  .action(async (chosen: (Part | keyof typeof groups)[], options: Options) => {
    const wanted = new Set(
      chosen.flatMap(name => (name === 'all' || name === 'training' ? groups[name] : [name])),
    );
    const measurements = await measure(wanted, options);
    const tables = [speedTable, dataTable, memoryTable].map(table => table(measurements));
    const text = tables.filter(({ rows }) => rows.length > 0).map(renderTable);
    process.stdout.write(options.json ? `${JSON.stringify(measurements)}\n` : text.join('\n'));
    // Times vary with what else the machine does, so a missed one is told and no more; a leak is a fault.
    if (measurements.memory.some(({ met }) => !met)) process.exitCode = exitCodes.unexpected;
  });

async function measure(wanted: ReadonlySet<Part>, options: Options): Promise<Measurements> {
  const { threads, rounds, seconds, compile = false, steps } = options;
  const base = preset('cluttered-60');
  const config = { ...base, batchSize: options.batch ?? base.batchSize };
  const report = (message: string): void => void process.stderr.write(`${message}\n`);
  await ensureEngine(lineReporter());
  startEngine({ threads });
  const timed = works.filter(work => wanted.has(work));
  const python = options.pytorch && timed.length > 0 ? setUpPyTorch() : undefined;
  const speed = [];
  for (const work of timed) {
    speed.push(await measureSpeed(work, { config, threads, rounds, seconds, python, compile, report }));
  }
  const data = [];
  for (const name of wanted.has('data') ? ['cluttered-60', 'cluttered-100'] : []) {
    report(`data: ${name}`);
    data.push(await measureWaiting(preset(name)));
  }
  const memory = [];
  for (const stage of wanted.has('memory') ? stages : []) {
    report(`memory: ${steps} steps of ${stage}`);
    memory.push(await measureMemory(stage, steps));
  }
  return {
    conditions: {
      batch: config.batchSize,
      threads,
      node: process.versions.node,
      tensorflow: backend().binding.TF_Version,
      processor: cpus()[0]?.model.trim() ?? 'unknown processor',
    },
    speed,
    data,
    memory,
  };
}

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof GFNetError ? error.exitCode : exitCodes.unexpected;
}
