/** `npm run bench`: speed beside PyTorch, waiting for data, whether memory stays flat, what early exit saves, what a second worker gains, and a server under load. */
import { availableParallelism, cpus } from 'node:os';
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import { exitCodes, GFNetError, UsageError } from '../src/errors/index.js';
import { paperConfigs } from '../training/paper.js';
import { lineReporter } from '../src/engine/setup/report.js';
import { ensureEngine } from '../src/engine/setup/setup.js';
import type { Precision } from '../src/engine/precision.js';
import { precisions } from '../src/engine/precision.js';
import { backend, startEngine } from '../src/engine/start.js';
import { renderTable } from '../src/report/terminal.js';
import { measureWaiting, ofPreset } from './data.js';
import { gfnetContest, works } from './gfnet.js';
import { measureLoader } from './loader.js';
import { measureMemory } from './memory.js';
import { networkContest, networkNames } from './networks.js';
import type { NetworkName } from './networks.js';
import { drawn, measureSavings } from './onnx.js';
import { measureSingle } from './single.js';
import { measureServing } from './serve.js';
import { setUpPyTorch } from './peer.js';
import { measureSpeed } from './speed.js';
import { measureStartUp } from './startup.js';
import type { Contest } from './speed.js';
import { preset, stages } from './subject.js';
import {
  dataTable,
  loaderTable,
  memoryTable,
  savingTable,
  rivalTable,
  singleTable,
  scalingTable,
  servingTable,
  speedTable,
  startUpTable,
} from './tables.js';
import type { Measurements } from './tables.js';
import { trained } from './trained.js';
import { measureScaling } from './workers.js';

const networkParts = ['network-training', 'network-inference'] as const;
const parts = [
  ...works,
  'data',
  'loader',
  'startup',
  'memory',
  ...networkParts,
  'onnx',
  'serve',
  'workers',
] as const;
type Part = (typeof parts)[number];

/** Names of several parts at once. The published networks take hours, so that they are asked for by name. */
const groups: Readonly<Record<'training' | 'networks' | 'all', readonly Part[]>> = {
  training: stages,
  networks: networkParts,
  all: [...works, 'data', 'loader', 'startup', 'memory'],
};

/** What is measured of a published network where the options do not say. */
const networkSides = [96, 224];
const networkBatches = { training: [16, 32], inference: [16] } as const;

interface Options {
  readonly pytorch: boolean;
  readonly compile?: boolean;
  readonly threads: number;
  readonly batch?: number;
  readonly network?: readonly NetworkName[];
  readonly side?: readonly number[];
  readonly precision?: Precision;
  readonly rounds: number;
  readonly seconds: number;
  readonly steps: number;
  readonly images: number;
  readonly streamWorkers: number;
  readonly exported: string;
  readonly json?: boolean;
}

const count = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('a whole number, 1 or more');
  return value;
};

const counts = (text: string, before?: readonly number[]): number[] => [...(before ?? []), count(text)];

const seconds = (text: string): number => {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError('a number of seconds above 0');
  return value;
};

const program = new Command('npm run bench --')
  .description(
    'Measure training and inference beside PyTorch, the wait for data, whether memory stays flat, what early exit saves on ONNX Runtime, what a second worker gains, and a server under load.',
  )
  .addArgument(
    new Argument('[parts...]', 'what to measure')
      .choices([...parts, ...Object.keys(groups)])
      .default(['all']),
  )
  .option('--no-pytorch', 'time this program alone')
  .option('--compile', 'let torch.compile compete too (needs g++; minutes to warm)')
  .option('--threads <n>', 'threads of either side', count, availableParallelism())
  .option('--batch <n>', "images a step (default: the preset's; 16 and 32 of the networks)", count)
  .addOption(
    new Option('--network <names...>', 'published networks to measure (default: all)').choices(networkNames),
  )
  .option('--side <pixels...>', 'of the images the networks see (default: 96 and 224)', counts)
  .addOption(
    new Option(
      '--precision <type>',
      'of training steps of the networks; in bfloat16 inference is left out',
    ).choices(precisions),
  )
  .option('--rounds <n>', 'rounds, in which each side has one turn', count, 15)
  .option('--seconds <s>', 'length of a turn', seconds, 0.5)
  .option('--steps <n>', 'training steps over which memory is watched', count, 2000)
  .option('--images <n>', 'most images of a turn on ONNX Runtime', count, 1024)
  .option(
    '--stream-workers <n>',
    'batches at the same time on ONNX Runtime, as gfnet predict --workers has it',
    count,
    1,
  )
  .addOption(
    new Option('--exported <preset>', 'of the paper, on ONNX Runtime and served')
      .choices(Object.keys(paperConfigs))
      .default('gfnet-mobilenetv3_large_100-96-t3'),
  )
  .option('--json', 'print the measurements as JSON')
  .addHelpText(
    'after',
    `
Examples:
  npm run bench
  npm run bench -- training data memory
  npm run bench -- onnx --rounds 5
  npm run bench -- onnx --rounds 5 --stream-workers 2
  npm run bench -- workers --rounds 5
  npm run bench -- serve --rounds 3 --seconds 4
  npm run bench -- stage2 inference --compile --rounds 30
  npm run bench -- stage1 --no-pytorch --threads 1
  npm run bench -- networks --network resnet50 --side 96 --rounds 5
  npm run bench -- networks --network resnet50 --side 96 --precision bfloat16 --compile`,
  )
  .action(async (chosen: (Part | keyof typeof groups)[], options: Options) => {
    const wanted = new Set(chosen.flatMap(name => (isGroup(name) ? groups[name] : [name])));
    if (
      (options.network ?? options.side ?? options.precision) &&
      !networkParts.some(part => wanted.has(part))
    ) {
      throw new UsageError({
        problem: '--network, --side and --precision are of the published networks',
        given: chosen.join(' '),
        allowed: ['networks', ...networkParts].join(', '),
      });
    }
    const measurements = await measure(wanted, options);
    const tables = [
      speedTable,
      dataTable,
      loaderTable,
      startUpTable,
      memoryTable,
      savingTable,
      rivalTable,
      singleTable,
      servingTable,
      scalingTable,
    ].map(table => table(measurements));
    const text = tables.filter(({ rows }) => rows.length > 0).map(renderTable);
    process.stdout.write(options.json ? `${JSON.stringify(measurements)}\n` : text.join('\n'));
    // Times vary with what else the machine does, so a missed one is told and no more; a leak is a fault.
    if (measurements.memory.some(({ met }) => !met)) process.exitCode = exitCodes.unexpected;
  });

function isGroup(name: string): name is keyof typeof groups {
  return Object.hasOwn(groups, name);
}

function* contests(wanted: ReadonlySet<Part>, options: Options): Generator<Contest> {
  const { batch, network = networkNames, side: sides = networkSides, precision = 'float32' } = options;
  const base = preset('cluttered-60');
  const config = { ...base, batchSize: batch ?? base.batchSize };
  for (const work of works) if (wanted.has(work)) yield gfnetContest(work, config);
  for (const work of ['training', 'inference'] as const) {
    if (!wanted.has(`network-${work}`) || (work === 'inference' && precision !== 'float32')) continue;
    for (const name of network)
      for (const side of sides)
        for (const size of batch === undefined ? networkBatches[work] : [batch])
          yield networkContest({ name, work, side, batch: size, precision });
  }
}

async function measure(wanted: ReadonlySet<Part>, options: Options): Promise<Measurements> {
  const { threads, rounds, seconds, compile = false, steps } = options;
  const report = (message: string): void => void process.stderr.write(`${message}\n`);
  await ensureEngine(lineReporter());
  startEngine({ threads });
  const timed = [...contests(wanted, options)];
  const beside = timed.length > 0 || wanted.has('loader');
  const python = options.pytorch && beside ? setUpPyTorch() : undefined;
  const speed = [];
  for (const contest of timed) {
    speed.push(await measureSpeed(contest, { threads, rounds, seconds, python, compile, report }));
  }
  const data = [];
  for (const name of wanted.has('data') ? ['cluttered-60', 'cluttered-100'] : []) {
    report(`data: ${name}`);
    data.push(await measureWaiting(ofPreset(name)));
  }
  const loader = wanted.has('loader')
    ? [await measureLoader({ workers: Math.min(4, threads), rounds, seconds, python, report })]
    : [];
  const startup = wanted.has('startup') ? await measureStartUp(report) : [];
  const memory = [];
  for (const stage of wanted.has('memory') ? stages : []) {
    report(`memory: ${steps} steps of ${stage}`);
    memory.push(await measureMemory(stage, steps));
  }
  const workers = options.streamWorkers;
  const savings = [];
  const singles = [];
  // One after the other, for each has many images.
  for (const make of wanted.has('onnx')
    ? [() => drawn(options.exported, options.images), () => trained(options.images)]
    : []) {
    const exported = await make();
    savings.push(...(await measureSavings(exported, { threads, workers, rounds, report })));
    singles.push(...(await measureSingle(exported, { threads, rounds, report })));
    exported.dispose();
  }
  const serving = wanted.has('serve')
    ? await measureServing({ threads, rounds, seconds, network: options.exported, report })
    : [];
  const scaling = wanted.has('workers')
    ? [await measureScaling({ batch: options.batch ?? 32, rounds, report })]
    : [];
  return {
    conditions: {
      threads,
      workers,
      node: process.versions.node,
      tensorflow: backend().binding.TF_Version,
      processor: cpus()[0]?.model.trim() ?? 'unknown processor',
    },
    speed,
    data,
    loader,
    startup,
    memory,
    savings,
    singles,
    scaling,
    serving,
  };
}

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof GFNetError ? error.exitCode : exitCodes.unexpected;
}
