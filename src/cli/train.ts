/** `gfnet train`: one stage, or all in turn. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Argument, Command } from 'commander';
import { origins, runStage } from '../../training/run-stage.js';
import { stages } from '../../training/trainer.js';
import type { StageName } from '../../training/trainer.js';
import { openRun } from '../checkpoint/run-folder.js';
import { lineReporter } from '../engine/setup/report.js';
import { ensureEngine } from '../engine/setup/setup.js';
import { startEngine } from '../engine/start.js';
import { parseConfig, readConfig } from './config.js';
import { threadsOption, wholeNumber, workersOption } from './options.js';
import { trainingProgress } from './progress.js';

interface Options {
  readonly preset?: string;
  readonly config?: string;
  readonly set?: string[];
  readonly out: string;
  readonly from?: string;
  readonly resume?: boolean;
  readonly seed?: number;
  readonly threads?: number;
  readonly workers?: number;
}

export function trainCommand(): Command {
  return new Command('train')
    .description('train one stage, or all of them in turn into OUT/stage1, stage2, stage3 and static')
    .addArgument(new Argument('<stage>', 'which stage').choices([...stages, 'all']))
    .option(
      '--preset <name>',
      'a configuration by name: cluttered-60, cluttered-100, demo; or of the paper, without data: gfnet-resnet50-96-t5, ...',
    )
    .option('--config <file>', 'a configuration from a JSON file; with --preset, what differs from it')
    .option('--set <key=value...>', 'change single values, e.g. stage1.epochs=10')
    .requiredOption('--out <folder>', 'the run folder to make')
    .option(
      '--from <run>',
      'the run to start from (stage2: of stage1; stage3: of stage2, or of stage3 to train it further; stage1, static: none, or of a static network or gfnet import)',
    )
    .option('--resume', 'go on with the run in --out where it stopped')
    .option('--seed <n>', 'seed of everything random (default: 1)', wholeNumber(0))
    .addOption(threadsOption())
    .addOption(workersOption())
    .addHelpText(
      'after',
      `
Examples:
  gfnet train all --preset demo --out runs/demo
  gfnet train stage1 --preset cluttered-60 --out runs/a/stage1
  gfnet train stage2 --preset cluttered-60 --from runs/a/stage1 --out runs/a/stage2
  gfnet train stage2 --out runs/a/stage2 --resume`,
    )
    .action(async (stage: StageName | 'all', options: Options) => {
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
    });
}

function fromOf(stage: StageName, out: string): string | undefined {
  const [before] = origins[stage];
  return before && join(out, before);
}

/** A resumed run keeps the configuration and the seed it was started with. */
function configOf({ resume, ...options }: Options, out: string): ReturnType<typeof readConfig> {
  if (resume !== true || (options.preset ?? options.config) !== undefined) return readConfig(options);
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
  options: Omit<Options, 'from'> & { from?: string | undefined },
  config: ReturnType<typeof readConfig>,
): Promise<void> {
  const interrupt = new AbortController();
  const onSignal = (): void => interrupt.abort();
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  const progress = trainingProgress(stage);
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
      onProgress: progress.onProgress,
      onEpoch: progress.onEpoch,
    });
  } finally {
    progress.stop();
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}
