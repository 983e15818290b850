/** What an anytime model says of a whole data set, all steps taken. */
import type { Dataset, ImageShape } from '../data/dataset.js';
import { batches, inOrder, unreadable } from '../data/loader.js';
import type { AnytimeModel } from './anytime.js';
import { Runner } from './runner.js';

export interface SetOutputs {
  /** One array a step, [n, classes]. */
  readonly logits: readonly Float32Array[];
  /** [n] */
  readonly labels: Int32Array;
  readonly classes: number;
  /** Of each step alone, for one image. */
  readonly multiAdds: readonly number[];
  /** Places in the data set, [n]: those that cannot be read are left out. */
  readonly indices: Int32Array;
  /** [n]: images made from one source err together. */
  readonly sources: Int32Array;
  /** One array a step, [n, 2] (row, column in [0, 1]), or null where the step saw the whole image. */
  readonly actions: readonly (Float32Array | null)[];
}

export interface OutputOptions {
  readonly runner?: Runner;
  /** The place in the set of the first image; 0 when absent. */
  readonly from?: number;
  /** Only so many images. */
  readonly limit?: number;
  readonly batchSize?: number;
  readonly onImages?: (done: number, total: number) => void;
  /** Called after each step of a batch; what it throws ends the work. */
  readonly onStep?: () => void;
  readonly signal?: AbortSignal | undefined;
}

/** Runs `model` on `dataset` in its own order. @throws what `signal` was aborted with */
export async function outputsOf(
  model: AnytimeModel,
  dataset: Dataset,
  {
    runner,
    from = 0,
    limit = dataset.size - from,
    batchSize = evaluationBatch(dataset.shape),
    onImages,
    onStep,
    signal,
  }: OutputOptions = {},
): Promise<SetOutputs> {
  const order = inOrder(dataset).subarray(from, from + limit);
  const n = order.length;
  const indices = new Int32Array(n);
  const classes = model.classes.length;
  const logits = model.steps.map(() => new Float32Array(n * classes));
  const actions: (Float32Array | null)[] = model.steps.map(() => null);
  const labels = new Int32Array(n);
  const own = runner ?? new Runner(model);
  let done = 0;
  for await (const batch of batches(dataset, { order, batchSize, epoch: 0, dropLast: false })) {
    if (batch.size === 0) continue;
    labels.set(batch.labels, done);
    indices.set(batch.indices, done);
    let t = 0;
    for (const answer of own.run(batch.images, [], from + done)) {
      logits[t]?.set(answer.logits, done * classes);
      if (answer.actions) (actions[t] ??= new Float32Array(n * 2)).set(answer.actions, done * 2);
      t++;
      onStep?.();
    }
    done += batch.size;
    onImages?.(done, n);
    // Lets signals and timers in between two batches.
    await new Promise(setImmediate);
    signal?.throwIfAborted();
  }
  if (!runner) own.dispose();
  if (done === 0) throw unreadable(dataset);
  return {
    logits: logits.map(step => step.subarray(0, done * classes)),
    labels: labels.subarray(0, done),
    classes,
    multiAdds: model.multiAdds,
    indices: indices.subarray(0, done),
    sources: Int32Array.from(indices.subarray(0, done), index => dataset.source?.(index) ?? index),
    actions: actions.map(places => places?.subarray(0, done * 2) ?? null),
  };
}

/** Images whose values take at most 32 MB. */
export function evaluationBatch({ height, width, channels }: ImageShape): number {
  return Math.max(1, Math.min(250, Math.floor(2 ** 23 / (height * width * channels))));
}
