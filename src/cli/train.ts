/** `gfnet train`: one stage, or all in turn. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Argument, Command, Option } from 'commander';
import { origins, runStage } from '../../training/run-stage.js';
import { stages } from '../../training/trainer.js';
import type { StageName } from '../../training/trainer.js';
import { openRun } from '../checkpoint/run-folder.js';
import { lineReporter } from '../engine/setup/report.js';
import { ensureEngine } from '../engine/setup/setup.js';
import type { Precision } from '../engine/precision.js';
import { precisions } from '../engine/precision.js';
import { simdFlags } from '../engine/setup/simd.js';
import { startEngine } from '../engine/start.js';
import { UsageError } from '../errors/index.js';
import { parseConfig, readConfig } from './config.js';
import { dryRun } from './dry-run.js';
import { duration, threadsOption, wholeNumber, workersOption } from './options.js';
import { trainingProgress } from './progress.js';
import { availablePrecision } from './precision.js';
import { timeLimit } from './time-limit.js';

interface Options {
  readonly preset?: string;
  readonly config?: string;
  readonly data?: string;
  readonly set?: string[];
  readonly precision?: Precision;
  readonly out?: string;
  readonly dryRun?: boolean;
  readonly from?: string;
  readonly resume?: boolean;
  readonly epochs?: number;
  readonly maxTime?: number;
  readonly seed?: number;
  readonly threads?: number;
  readonly workers?: number;
}

type TrainOptions = Options & { readonly out: string };

export function trainCommand(): Command {
  return new Command('train')
    .description('train one stage, or all of them in turn into OUT/stage1, stage2, stage3 and static')
    .addArgument(new Argument('<stage>', 'which stage').choices([...stages, 'all']))
    .option(
      '--preset <name>',
      'a configuration by name: cluttered-60, cluttered-100, demo; without data photos-96, photos-96-mobile (with --data the first is the default), and the paper’s: gfnet-resnet50-96-t5, ...',
    )
    .option('--config <file>', 'a configuration from a JSON file; with --preset, what differs from it')
    .option(
      '--data <path>',
      'images of your own: a folder of classes, a folder with train and val, or a manifest (.csv, .jsonl)',
    )
    .option('--set <key=value...>', 'change single values, e.g. stage1.epochs=10')
    .addOption(
      new Option(
        '--precision <type>',
        'of products and activations in training steps; bfloat16 only where the processor has units for it, with --set precision=bfloat16 anywhere (default: float32)',
      ).choices(precisions),
    )
    .option('--out <folder>', 'the run folder to make')
    .option('--dry-run', 'try two batches of everything, tell time and memory, keep nothing')
    .option(
      '--from <run>',
      'the run to start from (stage2: of stage1; stage3: of stage2, or of stage3 to train it further; stage1, static: none, or of a static network or gfnet import)',
    )
    .option('--resume', 'go on with the run in --out where it stopped')
    .option('--epochs <n>', 'epochs of the stage; with all, of each', wholeNumber(1))
    .option(
      '--max-time <time>',
      'stop and save within this time, e.g. 2h or 1h30m, with exit code 124; --resume goes on',
      duration,
    )
    .option('--seed <n>', 'seed of everything random (default: 1)', wholeNumber(0))
    .addOption(threadsOption())
    .addOption(workersOption())
    .addHelpText(
      'after',
      `
Examples:
  gfnet train all --preset demo --out runs/demo
  gfnet train all --data flowers --dry-run
  gfnet train all --data flowers --out runs/flowers
  gfnet train all --data flowers --preset photos-96-mobile --set stage1.epochs=20 --out runs/b
  gfnet train all --data flowers --precision bfloat16 --out runs/c
  gfnet train stage1 --preset cluttered-60 --out runs/a/stage1
  gfnet train stage1 --preset cluttered-60 --epochs 5 --max-time 2h --out runs/b/stage1
  gfnet train stage2 --preset cluttered-60 --from runs/a/stage1 --out runs/a/stage2
  gfnet train stage2 --out runs/a/stage2 --resume`,
    )
    .action(async (stage: StageName | 'all', given: Options) => {
      const { epochs, precision, set = [] } = given;
      const trained = stage === 'all' ? stages : [stage];
      const told = epochs === undefined ? [] : trained.map(name => `${name}.epochs=${epochs}`);
      if (precision !== undefined) {
        told.push(`precision=${availablePrecision(precision, await simdFlags(process.platform), onNotice)}`);
      }
      const options = { ...given, set: [...set, ...told] };
      if (options.dryRun) await tryOut(stage, options);
      else await trainStages(stage, { ...options, out: requireOut(options) });
    });
}

async function trainStages(stage: StageName | 'all', options: TrainOptions): Promise<void> {
  const plan =
    stage === 'all'
      ? stages.map(name => ({ name, out: join(options.out, name), from: fromOf(name, options.out) }))
      : [{ name: stage, out: options.out, from: options.from }];
  // Bad input is told before the engine, which may take long to obtain.
  const configs = plan.map(({ out }) => configOf(options, out));
  await ensureEngine(lineReporter());
  startEngine({ threads: options.threads });
  for (const [i, { name, out, from }] of plan.entries()) {
    const resume = options.resume === true && existsSync(join(out, 'config.json'));
    const config = configs[i];
    if (config) await train(name, { ...options, out, from, resume }, config);
  }
}

async function tryOut(stage: StageName | 'all', options: Options): Promise<void> {
  const { resume, out, maxTime } = options;
  const excess = [resume && '--resume', out && '--out', maxTime && '--max-time'].find(Boolean);
  if (excess) {
    throw new UsageError({ problem: `--dry-run keeps nothing, so ${excess} says nothing`, given: excess });
  }
  const config = readConfig(options);
  await ensureEngine(lineReporter());
  startEngine({ threads: options.threads });
  const trials = (stage === 'all' ? stages : [stage]).map(name => ({
    stage: name,
    config,
    from: (folder: string) => (stage === 'all' ? fromOf(name, folder) : options.from),
  }));
  const { seed = 1, workers } = options;
  process.stdout.write(await dryRun(trials, { seed, workers, onNotice }));
}

function requireOut({ out }: Options): string {
  if (out !== undefined) return out;
  throw new UsageError({
    problem: 'a run needs a folder',
    given: 'no --out',
    allowed: '--out FOLDER; or --dry-run, which keeps nothing',
  });
}

function fromOf(stage: StageName, out: string): string | undefined {
  const [before] = origins[stage];
  return before && join(out, before);
}

/** A resumed run keeps the configuration and the seed it was started with. */
function configOf({ resume, ...options }: TrainOptions, out: string): ReturnType<typeof readConfig> {
  if (resume !== true || (options.preset ?? options.config ?? options.data) !== undefined)
    return readConfig(options);
  const config = Object.entries(openRun(out).config).filter(([key]) => key !== 'stage');
  return parseConfig(Object.fromEntries(config), options.set ?? [], join(out, 'config.json'));
}

const told = new Set<string>();

/** The stages of one run meet the same data. */
function onNotice(notice: string): void {
  if (told.has(notice)) return;
  told.add(notice);
  process.stderr.write(`${process.stderr.isTTY ? '\r\x1b[K' : ''}${notice}\n`);
}

async function train(
  stage: StageName,
  options: Omit<TrainOptions, 'from'> & { from?: string | undefined },
  config: ReturnType<typeof readConfig>,
): Promise<void> {
  const interrupt = new AbortController();
  const onSignal = (): void => interrupt.abort();
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  const progress = trainingProgress(stage);
  const limit = options.maxTime === undefined ? undefined : timeLimit(interrupt, options.maxTime);
  try {
    await runStage({
      stage,
      config,
      seed: options.seed ?? (options.resume ? openRun(options.out).seed : 1),
      out: options.out,
      from: options.from,
      resume: options.resume ?? false,
      command: ['gfnet', ...process.argv.slice(2)],
      signal: interrupt.signal,
      workers: options.workers,
      onNotice,
      onProgress: report => {
        progress.onProgress(report);
        limit?.onStep();
      },
      ...(limit && { onSave: limit.onSave }),
      onEpoch: progress.onEpoch,
    });
  } finally {
    progress.stop();
    limit?.stop();
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}
