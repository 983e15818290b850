/** `gfnet train --dry-run`: two batches through everything, to see that it works, how long it would take and in how much memory. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TrainConfig } from '../../training/config.js';
import { runStage } from '../../training/run-stage.js';
import type { StageName } from '../../training/trainer.js';
import { openData } from '../data/open.js';
import { exitCodes } from '../errors/index.js';
import { integer, renderTable } from '../report/index.js';

/** One stage to try. */
export interface Trial {
  readonly stage: StageName;
  /** Its run folder within that of the trial; empty where it is the only one. */
  readonly folder: string;
  readonly config: TrainConfig;
  /** The run it starts from; or where the stage before, tried just now, lies in the folder given. */
  readonly from: (folder: string) => string | undefined;
}

interface DryRunOptions {
  readonly seed: number;
  readonly decoders?: number | undefined;
  readonly onNotice: (notice: string) => void;
}

/** The first compiles the step; the second is timed, in an epoch of its own where the images are too few for two. */
const batches = 2;

/** Everything of every stage, validation and saving too, into a folder that is removed. @returns a table */
export async function dryRun(trials: readonly Trial[], options: DryRunOptions): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'gfnet-dry-run-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  const onSignal = (): void => {
    remove();
    process.exit(exitCodes.interrupted);
  };
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  try {
    const rows: string[][] = [];
    for (const trial of trials) rows.push(await tryStage(trial, folder, options));
    return renderTable({
      title: `Two batches of each stage went through; nothing is kept`,
      head: [
        'stage',
        'seconds a batch',
        'batches an epoch',
        'epochs',
        'training in all',
        'peak memory so far',
      ],
      rows,
    });
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
    remove();
  }
}

async function tryStage(
  { stage, folder, config, from }: Trial,
  root: string,
  options: DryRunOptions,
): Promise<string[]> {
  const { batchSize } = config;
  const { epochs } = config[stage];
  const { train, close } = openData(config.data);
  await close?.();
  const perEpoch = Math.floor(train.size / batchSize);
  /** Of the epoch that is under way, how long its batches took together, in seconds. */
  const elapsed: number[] = [];
  await runStage({
    ...options,
    stage,
    config: { ...config, [stage]: { ...config[stage], epochs: perEpoch < batches ? batches : 1 } },
    out: join(root, folder),
    from: from(root),
    resume: false,
    command: [],
    images: batches * batchSize,
    onProgress: ({ batch, imagesPerSecond }) => elapsed.push((batch * batchSize) / imagesPerSecond),
  });
  const before = perEpoch < batches ? 0 : (elapsed.at(-2) ?? 0);
  const seconds = (elapsed.at(-1) ?? 0) - before;
  return [
    folder || stage,
    seconds.toFixed(2),
    integer(perEpoch),
    String(epochs),
    duration(seconds * perEpoch * epochs),
    `${integer(Math.round(process.resourceUsage().maxRSS / 1024))} MiB`,
  ];
}

function duration(seconds: number): string {
  if (seconds < 120) return `${seconds.toFixed(0)} s`;
  const minutes = seconds / 60;
  return minutes < 120 ? `${minutes.toFixed(0)} min` : `${(minutes / 60).toFixed(1)} h`;
}
