/** `gfnet train`: one stage, or all in turn. */
import { join } from 'node:path';
import { Argument, Command, Option } from 'commander';
import type { StageOptions } from '../../training/run-stage.js';
import { origins, requireChoice, runStage } from '../../training/run-stage.js';
import { stages } from '../../training/trainer.js';
import type { StageName } from '../../training/trainer.js';
import type { Run } from '../checkpoint/run-folder.js';
import { isRun, openRun, requireStartable } from '../checkpoint/run-folder.js';
import { lineReporter } from '../engine/setup/report.js';
import { ensureEngine } from '../engine/setup/setup.js';
import { joinWorkers, workers } from '../engine/collectives.js';
import type { Precision } from '../engine/precision.js';
import { precisions } from '../engine/precision.js';
import { simdFlags } from '../engine/setup/simd.js';
import { startEngine } from '../engine/start.js';
import { UsageError } from '../errors/index.js';
import { clusterOf } from './cluster.js';
import { parseConfig, readConfig } from './config.js';
import { dryRun } from './dry-run.js';
import {
  decodersOption,
  duration,
  mostThreads,
  oneOf,
  sides,
  threadsOption,
  wholeNumber,
} from './options.js';
import { startOf } from './lineage.js';
import { isLocalWorker, runLocalWorkers } from './local-workers.js';
import { trainingProgress } from './progress.js';
import { availablePrecision } from './precision.js';
import { timeLimit } from './time-limit.js';

interface Options {
  readonly preset?: string;
  readonly config?: string;
  readonly data?: string;
  readonly set?: readonly string[];
  readonly precision?: Precision;
  readonly out?: string;
  readonly dryRun?: boolean;
  readonly from?: string;
  readonly resume?: boolean;
  readonly epochs?: number;
  readonly inputs?: number[];
  readonly maxTime?: number;
  readonly seed?: number;
  readonly threads?: number;
  readonly decoders?: number;
  readonly workers?: string;
  readonly task?: number;
  readonly localWorkers?: number;
}

type TrainOptions = Options & { readonly out: string };

const trained = [...stages, 'all'] as const;

export function trainCommand(): Command {
  return new Command('train')
    .description('train one stage, or all of them in turn into OUT/stage1, stage2, stage3 and static')
    .addArgument(new Argument('<stage>', 'which stage').choices(trained).argParser(oneOf(trained)))
    .option(
      '--preset <name>',
      'a configuration by name: cluttered-60, cluttered-100, demo; without data photos-96, photos-96-mobile (with --data the first is the default), and the paper’s: gfnet-resnet50-96-t5, ...',
    )
    .option('--config <file>', 'a configuration from a JSON file; with --preset, what differs from it')
    .option(
      '--data <path>',
      'images of your own: a folder of classes, a folder with train and val, a folder of shards (.tar), or a manifest (.csv, .jsonl)',
    )
    .option('--set <key=value...>', 'change single values, e.g. stage1.epochs=10')
    .addOption(
      new Option(
        '--precision <type>',
        'of products and activations in training steps; bfloat16 only where the processor has units for it, with --set precision=bfloat16 anywhere (default: float32)',
      )
        .choices(precisions)
        .argParser(oneOf(precisions)),
    )
    .option('--out <folder>', 'the run folder to make')
    .option('--dry-run', 'try two batches of everything, tell time and memory, keep nothing')
    .option(
      '--from <run>',
      'the run to start from (stage2: of stage1, or of stage3 to fit the policy to what it learnt; stage3: of stage2, or of stage3 to train it further; stage1, static: none, or of a static network or gfnet import; with all, that of these two)',
    )
    .option('--resume', 'go on with the run in --out where it stopped')
    .option('--epochs <n>', 'epochs of the stage; with all, of each', wholeNumber(1))
    .option(
      '--inputs <sides>',
      'static: a network for each of these input sizes, in pixels with commas between, into OUT/static-SIDE',
      sides,
    )
    .option(
      '--max-time <time>',
      'stop and save within this time, e.g. 2h or 1h30m, with exit code 124; --resume goes on',
      duration,
    )
    .option('--seed <n>', 'seed of everything random (default: 1)', wholeNumber(0))
    .addOption(threadsOption())
    .addOption(decodersOption())
    .option(
      '--workers <host:port,...>',
      'the processes that train together, on other machines too: each is started with the same command, and --task (default: TF_CONFIG in the environment)',
    )
    .option(
      '--task <n>',
      'which of --workers this process is, from 0; the first writes the run',
      wholeNumber(0),
    )
    .option('--local-workers <n>', 'start so many workers on this machine', wholeNumber(2, mostThreads))
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
  gfnet train stage2 --out runs/a/stage2 --resume
  gfnet train static --preset cluttered-60 --inputs 28,40,60 --out runs/a
  gfnet train all --data flowers --out runs/c --local-workers 2
  gfnet train all --data /shared/flowers --out /shared/runs/d --workers one:2222,two:2222 --task 0   (on one)
  gfnet train all --data /shared/flowers --out /shared/runs/d --workers one:2222,two:2222 --task 1   (on two)`,
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
      else if (options.localWorkers !== undefined) await trainHere(options.localWorkers, options);
      else await trainStages(stage, { ...options, out: requireOut(options) });
    });
}

/** A stage to train. */
interface Planned {
  readonly stage: StageName;
  /** Its run folder, within that of the command; empty where it is the same. */
  readonly folder: string;
  /** The run it starts from, of the same command, given its folder. */
  readonly from: (out: string) => string | undefined;
  /** What is set for it: for all, and for it alone. */
  readonly set: readonly string[];
}

function planOf(stage: StageName | 'all', { inputs, set = [] }: Options): Planned[] {
  if (inputs !== undefined && stage !== 'static') {
    throw new UsageError({
      problem: 'only static networks have input sizes to choose',
      given: `gfnet train ${stage} --inputs ${inputs.join()}`,
      allowed: 'gfnet train static --inputs SIDE,SIDE,...',
    });
  }
  if (stage === 'all') {
    return stages.map(name => ({ stage: name, folder: name, from: out => fromOf(name, out), set }));
  }
  if (inputs === undefined) return [{ stage, folder: '', from: () => undefined, set }];
  return inputs.map(side => ({
    stage,
    folder: `${stage}-${side}`,
    from: () => undefined,
    set: [...set, `static.input=${side}`],
  }));
}

/** In several processes of this machine. */
async function trainHere(count: number, options: Options): Promise<void> {
  const { workers, task, threads } = options;
  const { TF_CONFIG } = process.env;
  const excess = workers ? '--workers' : task !== undefined ? '--task' : TF_CONFIG && 'TF_CONFIG';
  if (excess) {
    throw new UsageError({
      problem: `--local-workers starts all workers itself, so ${excess} says nothing`,
      given: `--local-workers ${count} and ${excess}`,
    });
  }
  requireOut(options);
  await ensureEngine(lineReporter());
  process.exitCode = await runLocalWorkers(count, threads);
}

async function trainStages(stage: StageName | 'all', options: TrainOptions): Promise<void> {
  const plan = planOf(stage, options).map(planned => ({
    ...planned,
    out: join(options.out, planned.folder),
  }));
  const begun = plan.map(({ out }) => (options.resume === true && isRun(out) ? openRun(out) : undefined));
  const first = begun.find(run => run !== undefined);
  const start = options.from ?? (first && startOf(first.command));
  // Bad input is told before the engine, which may take long to obtain.
  const runs = plan.map(({ stage: name, out, from, set }, i) => {
    const own = begun[i];
    // What has not begun is trained as what has.
    const like = own ?? first;
    const config = configOf({ ...options, set }, like);
    const seed = options.seed ?? like?.seed ?? 1;
    return { name, config, seed, out, from: from(options.out) ?? start, resume: own !== undefined };
  });
  const cluster = clusterOf(options, process.env);
  for (const { name, config, out, resume } of runs) {
    requireChoice(name, config);
    // The first worker makes the folders, perhaps before another has come here.
    if (!resume && (cluster?.task ?? 0) === 0) requireStartable(out);
  }
  await ensureEngine(lineReporter());
  // Of a worker that is lost TensorFlow tells much, and the error says it again.
  if (cluster) process.env.TF_CPP_MIN_LOG_LEVEL ??= '3';
  startEngine({ threads: options.threads });
  if (cluster) await joinWorkers(cluster, { onWait: worker => onNotice(`waits for worker ${worker}`) });
  const inputs = options.inputs === undefined ? '' : ` --inputs ${options.inputs.join()}`;
  const local = cluster && isLocalWorker() ? ` --local-workers ${cluster.workers.length}` : '';
  const goOn = `gfnet train ${stage}${inputs} --out ${options.out}${local} --resume`;
  for (const { name, config, ...run } of runs) await train(name, { ...options, ...run, goOn }, config);
}

async function tryOut(stage: StageName | 'all', options: Options): Promise<void> {
  const { resume, out, maxTime, workers, task, localWorkers } = options;
  const excess = [
    resume && '--resume',
    out && '--out',
    maxTime && '--max-time',
    workers && '--workers',
    task !== undefined && '--task',
    localWorkers && '--local-workers',
  ].find(Boolean);
  if (excess) {
    throw new UsageError({
      problem: `--dry-run keeps nothing and tries this machine alone, so ${excess} says nothing`,
      given: excess,
    });
  }
  const trials = planOf(stage, options).map(({ set, from, ...planned }) => ({
    ...planned,
    from: (folder: string) => from(folder) ?? options.from,
    config: readConfig({ ...options, set }),
  }));
  await ensureEngine(lineReporter());
  startEngine({ threads: options.threads });
  const { seed = 1, decoders } = options;
  process.stdout.write(await dryRun(trials, { seed, decoders, onNotice }));
}

function requireOut({ out }: Options): string {
  if (out) return out;
  throw new UsageError({
    problem: 'a run needs a folder',
    given: out === undefined ? 'no --out' : 'an empty --out',
    allowed: '--out FOLDER; or --dry-run, which keeps nothing',
  });
}

function fromOf(stage: StageName, out: string): string | undefined {
  const [before] = origins[stage];
  return before && join(out, before);
}

/** A resumed run keeps the configuration it was started with. @param begun the run that is resumed */
function configOf(options: TrainOptions, begun: Run | undefined): ReturnType<typeof readConfig> {
  if (options.resume !== true || (options.preset ?? options.config ?? options.data) !== undefined)
    return readConfig(options);
  const { path, config } = begun ?? openRun(options.out);
  const entries = Object.entries(config).filter(([key]) => key !== 'stage');
  return parseConfig(Object.fromEntries(entries), options.set ?? [], join(path, 'config.json'));
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
  options: Omit<TrainOptions, 'from'> & Pick<StageOptions, 'seed' | 'from' | 'resume' | 'goOn'>,
  config: ReturnType<typeof readConfig>,
): Promise<void> {
  const interrupt = new AbortController();
  const onSignal = (): void => interrupt.abort();
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  if (isLocalWorker()) process.once('disconnect', onSignal);
  // One of the workers is enough to tell how far they are.
  const progress = workers().task === 0 ? trainingProgress(stage) : undefined;
  const limit = options.maxTime === undefined ? undefined : timeLimit(interrupt, options.maxTime);
  try {
    await runStage({
      stage,
      config,
      seed: options.seed,
      out: options.out,
      from: options.from,
      resume: options.resume,
      goOn: options.goOn,
      command: ['gfnet', ...process.argv.slice(2)],
      signal: interrupt.signal,
      decoders: options.decoders,
      onNotice,
      onProgress: report => {
        progress?.onProgress(report);
        limit?.onStep();
      },
      ...(limit && { onSave: limit.onSave }),
      ...(progress && { onEpoch: progress.onEpoch }),
    });
  } finally {
    progress?.stop();
    limit?.stop();
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal).off('disconnect', onSignal);
  }
}
