/** The training loop: epochs, validation, metrics, checkpoints; interrupted at any point, it goes on where it was. */
import { z } from 'zod';
import type { JsonObject } from '../src/checkpoint/json.js';
import type { CheckpointContent } from '../src/checkpoint/checkpoint.js';
import { loadCheckpoint } from '../src/checkpoint/checkpoint.js';
import type { MetricDefinition, MetricRow } from '../src/checkpoint/metrics.js';
import type { RunWriter } from '../src/checkpoint/run-folder.js';
import { fromEngine, toEngine } from '../src/checkpoint/tensors.js';
import type { Splits } from '../src/data/dataset.js';
import { batches, shuffled } from '../src/data/loader.js';
import { requirePeers, sumOverWorkers, workers } from '../src/engine/collectives.js';
import { leaves } from '../src/engine/tensor-tree.js';
import { DivergedError, InterruptedError, TimeUpError } from '../src/errors/index.js';
import { largest } from '../src/evaluation/index.js';
import { outputsOf } from '../src/model/outputs.js';
import { Runner } from '../src/model/runner.js';
import type { EpochSums } from './epoch-sums.js';
import { addBatch, noSums } from './epoch-sums.js';
import type { Journal } from './journal.js';
import { journalOf } from './journal.js';
import { requireSame, shareOf } from './shares.js';
import type { Trainer } from './trainer.js';

/** How far training has come; `sums` are those of the epoch that has begun. */
const Progress = z.strictObject({
  /** Epochs completed. */
  epoch: z.int().nonnegative(),
  bestAccuracy: z.number(),
  /** Epochs since that was reached. */
  stale: z.int().nonnegative().default(0),
  sums: z.strictObject({
    batches: z.int(),
    images: z.int(),
    loss: z.number(),
    correct: z.array(z.number()),
    means: z.record(z.string(), z.number()),
  }),
});
type Progress = z.infer<typeof Progress>;

export interface ProgressReport {
  readonly epoch: number;
  readonly epochs: number;
  readonly batch: number;
  readonly batches: number;
  readonly loss: number;
  /** Training accuracy after each step, this epoch so far. */
  readonly accuracy: readonly number[];
  readonly imagesPerSecond: number;
}

/** Why a run is aborted when it may take no more time. */
export const timeUp = 'time is up';

export interface LoopOptions {
  readonly trainer: Trainer;
  /** The run's folder. */
  readonly out: string;
  /** Its writing side, which of several workers the first alone has. */
  readonly run: RunWriter | undefined;
  readonly splits: Splits;
  /** Of all workers together. */
  readonly batchSize: number;
  readonly seed: number;
  readonly resume: boolean;
  /** Of the manifest: architecture, classes, preprocessing. */
  readonly describe: Pick<CheckpointContent, 'architecture' | 'classes' | 'preprocessing'>;
  /** Validation images looked at after each epoch; one canvas of each of the first digits. */
  readonly validationImages?: number;
  /** Epochs without a better validation accuracy after which training ends, with the best weights. */
  readonly patience?: number | undefined;
  /** Its reason `timeUp` says that it is not the user who aborts. */
  readonly signal?: AbortSignal;
  /** The command that goes on with it where it is stopped. */
  readonly goOn?: string | undefined;
  /** Told how long it took to save, in ms. */
  readonly onSave?: (duration: number) => void;
  /** Told what the run's log is told: how the data were split, which files are passed over, why training ended before all epochs. */
  readonly onNotice?: (notice: string) => void;
  readonly onProgress?: (report: ProgressReport) => void;
  readonly onEpoch?: (row: MetricRow, epochs: number) => void;
}

function definitions({
  model,
  means,
}: Trainer): Readonly<Record<string, MetricDefinition>> & { epoch: MetricDefinition } {
  const perStep = (prefix: string, of: string): [string, MetricDefinition][] =>
    model.steps.map((_, t) => [`${prefix}${t + 1}`, { description: `${of} accuracy after step ${t + 1}` }]);
  return {
    epoch: { description: 'epochs completed' },
    loss: { description: 'mean of the stage’s loss over the epoch; should fall' },
    ...Object.fromEntries(perStep('train', 'training')),
    ...Object.fromEntries(perStep('validation', 'validation')),
    ...means,
  };
}

/**
 * Trains to the end, or until `signal` aborts.
 * @throws InterruptedError or TimeUpError when aborted, after saving; DivergedError when the loss or what was learned is not finite: the last
 *   checkpoint stays as it was
 */
export async function trainLoop(options: LoopOptions): Promise<void> {
  const { trainer, batchSize } = options;
  const progress = options.resume ? restore(options) : beginning();
  requireSame(progress);
  const perEpoch = Math.floor(options.splits.train.size / batchSize);
  const journal = journalOf(options.run, {
    definitions: definitions(trainer),
    epochs: trainer.epochs,
    batches: perEpoch,
    batchSize,
    epoch: progress.epoch,
  });
  const runner = new Runner(trainer.model);
  try {
    // What the run starts from, so that it resumes by itself wherever in its first epoch it stops.
    if (!options.resume) save({ ...options, journal }, 'last', progress);
    await trainEpochs({ ...options, perEpoch, journal }, progress, runner);
    journal.enter('done');
  } catch (error) {
    const saved = error instanceof InterruptedError || error instanceof TimeUpError;
    journal.enter(saved ? 'interrupted' : 'failed');
    throw error;
  } finally {
    runner.dispose();
    journal.close();
  }
}

type Kept = LoopOptions & { readonly journal: Journal };

async function trainEpochs(
  options: Kept & { readonly perEpoch: number },
  from: Progress,
  runner: Runner,
): Promise<void> {
  const { trainer, splits, batchSize, seed, signal, perEpoch, journal, patience = Infinity } = options;
  const rows = shareOf(batchSize);
  const withBefore = trainer.mixes && workers().count > 1;
  let progress = from;
  for (let { epoch } = progress; epoch < trainer.epochs && progress.stale < patience; epoch++) {
    let sums: EpochSums = progress.sums;
    const order = shuffled(splits.train, seed, epoch).subarray(sums.batches * batchSize);
    const started = performance.now();
    const imagesBefore = sums.images;
    const stopWhereTold = (): void => {
      const told = toldToStop(signal);
      if (!told) return;
      requireFinite(trainer, epoch, sums.batches);
      save(options, 'last', { ...progress, epoch, sums: toJson(sums) });
      throw stopped(options, told === timeUp, epoch, sums.batches);
    };
    const read = { order, batchSize, epoch, dropLast: true, rows, withBefore };
    for await (const batch of batches(splits.train, read)) {
      const result = trainer.train(batch, { epoch, step: sums.batches, steps: perEpoch });
      if (!Number.isFinite(result.loss)) throw diverged('the loss', trainer, epoch, sums.batches);
      sums = addBatch(sums, batchSize, result);
      const report = {
        epoch: epoch + 1,
        epochs: trainer.epochs,
        batch: sums.batches,
        batches: perEpoch,
        loss: sums.loss / sums.batches,
        accuracy: sums.correct.map(count => count / sums.images),
        imagesPerSecond: (1000 * (sums.images - imagesBefore)) / (performance.now() - started),
      };
      options.onProgress?.(report);
      journal.tick(report);
      // Lets signals and timers in between two steps.
      await new Promise(setImmediate);
      stopWhereTold();
    }
    requireFinite(trainer, epoch, sums.batches);
    journal.enter('validating');
    const own = await validate(options, runner).catch((error: unknown) => {
      if (!signal?.aborted) throw error;
      return [];
    });
    stopWhereTold();
    const [images = 1, ...right] = sumOverWorkers(own);
    const accuracy = right.map(count => count / images);
    const row = epochRow(epoch + 1, sums, accuracy);
    journal.row(row);
    const last = accuracy.at(-1) ?? 0;
    const best = last > progress.bestAccuracy;
    progress = {
      epoch: epoch + 1,
      bestAccuracy: Math.max(last, progress.bestAccuracy),
      stale: best ? 0 : progress.stale + 1,
      sums: noSumsCopy(),
    };
    if (best) save(options, 'best', progress, row);
    if (progress.stale < patience) save(options, 'last', progress, row);
    else endWithBest(options, progress);
    options.onEpoch?.(row, trainer.epochs);
    journal.log(
      Object.entries(row)
        .map(([name, value]) => `${name} ${String(value)}`)
        .join(', '),
    );
  }
}

/** Training ends early: the best weights are the last ones too, which are evaluated and gone on from. */
function endWithBest(options: Kept, progress: Progress): void {
  if (!options.run) return;
  const { manifest, tensors } = loadCheckpoint(options.out, 'best', ['training']);
  options.trainer.restore(toEngine(tensors));
  save(options, 'last', progress, manifest.metrics as MetricRow);
  const { epoch } = Progress.parse(manifest.progress);
  const { stage } = options.trainer;
  options.onNotice?.(
    `${stage} ends after epoch ${progress.epoch}: no better on validation for ${progress.stale} epochs; the weights of epoch ${epoch} are kept`,
  );
}

function beginning(): Progress {
  return { epoch: 0, bestAccuracy: -1, stale: 0, sums: noSumsCopy() };
}

/** Why to stop, if at all. All workers stop at the same step when one is told to. */
function toldToStop(signal: AbortSignal | undefined): 'interrupted' | typeof timeUp | undefined {
  const aborted = signal?.aborted ?? false;
  const [told = 0, late = 0] = sumOverWorkers([
    Number(aborted),
    Number(aborted && signal?.reason === timeUp),
  ]);
  if (told === 0) return undefined;
  return late === told ? timeUp : 'interrupted';
}

function noSumsCopy(): Progress['sums'] {
  return toJson(noSums);
}

function toJson({ batches, images, loss, correct, means }: EpochSums): Progress['sums'] {
  return { batches, images, loss, correct: [...correct], means: { ...means } };
}

function restore({ trainer, out }: LoopOptions): Progress {
  const { manifest, tensors } = loadCheckpoint(out, 'last', ['training']);
  trainer.restore(toEngine(tensors));
  return Progress.parse(manifest.progress);
}

function save(
  { trainer, journal, describe, onSave }: Kept,
  name: 'best' | 'last',
  progress: Progress,
  row?: MetricRow,
): void {
  const started = performance.now();
  journal.save(name, () => ({
    ...describe,
    kind: 'training',
    stage: trainer.stage,
    progress: { ...progress, sums: { ...progress.sums } },
    metrics: { ...row } as JsonObject,
    tensors: fromEngine(trainer.tensors()),
  }));
  onSave?.(performance.now() - started);
}

/** Of this worker's share: how many images, and how many of them are answered rightly after each step. */
async function validate(
  { trainer, splits: { validation }, validationImages = 1000, signal }: LoopOptions,
  runner: Runner,
): Promise<number[]> {
  const [from, to] = shareOf(Math.min(validationImages, validation.size));
  if (from === to) return [0, ...trainer.model.steps.map(() => 0)];
  const options = { runner, from, limit: to - from, signal, onStep: requirePeers };
  const { logits, labels, classes } = await outputsOf(trainer.model, validation, options).finally(() => {
    runner.release();
  });
  const right = logits.map(step => {
    const predicted = largest(step, classes);
    return labels.filter((label, i) => predicted[i] === label).length;
  });
  return [labels.length, ...right];
}

function epochRow(epoch: number, sums: EpochSums, accuracy: readonly number[]): MetricRow {
  const numbered = (prefix: string, values: readonly number[]): Record<string, number> =>
    Object.fromEntries(values.map((value, t) => [`${prefix}${t + 1}`, value]));
  return {
    epoch,
    loss: sums.loss / sums.batches,
    ...numbered(
      'train',
      sums.correct.map(count => count / sums.images),
    ),
    ...numbered('validation', accuracy),
    ...Object.fromEntries(Object.entries(sums.means).map(([name, sum]) => [name, sum / sums.batches])),
  };
}

/** The loss of the next batch would tell; a checkpoint must not be saved before that. */
function requireFinite(trainer: Trainer, epoch: number, batches: number): void {
  const finite = leaves(trainer.tensors()).every(tensor => tensor.dataSync().every(Number.isFinite));
  if (!finite) throw diverged('a parameter', trainer, epoch, batches - 1);
}

function diverged(what: string, { stage, rate }: Trainer, epoch: number, batch: number): DivergedError {
  const lower = Number((rate.value / 10).toPrecision(2));
  return new DivergedError({
    problem: `training diverged: ${what} is not a finite number`,
    given: `${stage}, epoch ${epoch + 1}, batch ${batch + 1}`,
    mend: `start another run with a lower learning rate, e.g. --set ${rate.option}=${lower}`,
  });
}

function stopped(
  { trainer, out, goOn = `gfnet train ${trainer.stage} --out ${out} --resume` }: LoopOptions,
  forTime: boolean,
  epoch: number,
  batches: number,
): InterruptedError | TimeUpError {
  return new (forTime ? TimeUpError : InterruptedError)({
    problem: `${forTime ? 'the time is up' : 'interrupted'} in epoch ${epoch + 1}, after ${batches} batches; all of it is saved`,
    mend: `go on with: ${goOn}`,
  });
}
