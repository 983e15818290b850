/** What early exit saves by the clock on ONNX Runtime, beside what it saves in Multi-Adds, and what is spent outside the runtime. */
import { InferenceSession } from 'onnxruntime-node';
import type { Evidence } from '../src/evaluation/index.js';
import { exitShares, readEvidence, exits, thresholdsForShares } from '../src/evaluation/index.js';
import { exportGraphs } from '../src/export/graphs.js';
import { inScratch } from '../src/export/scratch.js';
import type { AnytimeModel, StepInput } from '../src/model/anytime.js';
import type { Spread } from '../src/model/spread.js';
import { spread } from '../src/model/spread.js';
import { blocksFor, Conveyor, storeLength } from '../src/predict/conveyor.js';
import { engineRunner } from '../src/predict/engine.js';
import type { StepRunner } from '../src/predict/step-runner.js';
import { takeSteps } from '../src/predict/step-runner.js';
import { loadRunner } from '../src/predict/onnx-node.js';
import type { OnnxRunner } from '../src/predict/onnx-runner.js';
import { Predictor } from '../src/predict/predictor.js';
import { stream, uniform } from '../src/random/index.js';
import { seed } from './subject.js';
import { side, untrained } from './untrained.js';

const batches = [1, 16, 64] as const;
/** Of the reference's budgets: the smaller, the more images leave early. */
export const budgets = [4, 8, 14, 20, 30] as const;

/** Images of a stream: long beside what is on its way at once. */
const streamOf = (batch: number): number => Math.max(128, 16 * batch);

/** Of what is timed, in milliseconds. */
const shortestTurn = 500;

/** Least of the counted saving that the clock must show, from this batch size on; most of the time that may pass outside the runtime, with images of this side. */
const savingTarget = { share: 0.9, batch: 16 };
const overheadTarget = { share: 0.05, side: 224 };

/** Thresholds, and what comes of them. */
export interface Point {
  readonly name: string;
  readonly thresholds: readonly number[];
  /** On the test set. */
  readonly accuracy: number | null;
  /** Whether that is the static network's, beside which it is held to the target. */
  readonly asStatic?: true;
}

/** What is exported and run. */
export interface Exported {
  readonly name: string;
  readonly model: AnytimeModel;
  readonly patch: number;
  readonly images: readonly Uint8Array[];
  /** Where it is run; the reference's budgets by its images' own quantiles where this is absent. */
  readonly points?: readonly Point[];
  /** A static network of the same encoder. */
  readonly rival?: { readonly model: AnytimeModel; readonly accuracy: number };
  readonly dispose: () => void;
}

/** Early exit against something that takes longer. */
interface Against {
  readonly imagesPerSecond: number;
  /** Multi-Adds that early exit saves, over those of the other. */
  readonly counted: number;
  /** Time saved over that of the other, over `counted`; of the rounds. */
  readonly share: Spread;
  readonly met: boolean | null;
}

export interface Saving {
  readonly network: string;
  readonly side: number;
  readonly batch: number;
  /** Of the point: p of the reference's exit shares, q_t ~ (p / 20)^t. */
  readonly point: string;
  readonly meanSteps: number;
  /** Medians of the rounds. */
  readonly imagesPerSecond: number;
  readonly allSteps: Against;
  /** The same all-steps work in TensorFlow. */
  readonly engineImagesPerSecond: number;
  /** Of the trained model within this budget, and of the static network of the same encoder. */
  readonly accuracy: number | null;
  readonly rival: (Against & { readonly accuracy: number }) | null;
  /** Time outside ONNX Runtime over all, from pixels to predictions; of the rounds. */
  readonly overhead: Spread;
  readonly overheadMet: boolean | null;
}

export interface SavingOptions {
  readonly threads: number;
  readonly rounds: number;
  readonly report: (message: string) => void;
}

/** With weights as they are drawn: what images leave is chosen by quantiles of the confidences, whatever these are worth. */
export function drawn(name: string, count: number): Exported {
  const { config, model, dispose } = untrained(name);
  const images = Array.from({ length: count }, (_, i) =>
    Uint8Array.from(uniform(stream(seed, 'images', i), side * side * 3), value => 256 * value),
  );
  return { name, model, patch: config.patch, images, dispose };
}

export async function measureSavings(exported: Exported, options: SavingOptions): Promise<Saving[]> {
  const engine = engineRunner(exported.model);
  const runner = await runtimeOf(exported.model, options.threads);
  const rival = exported.rival ? await runtimeOf(exported.rival.model, options.threads) : undefined;
  try {
    const savings: Saving[] = [];
    for (const batch of batches)
      savings.push(...(await atBatch(batch, exported, { runner, rival, engine }, options)));
    return savings;
  } finally {
    await runner.dispose();
    await rival?.dispose();
    await engine.dispose();
  }
}

export function runtimeOf(model: AnytimeModel, threads: number): Promise<OnnxRunner> {
  const { files, steps } = exportGraphs(model);
  const { multiAdds, side, channels } = model;
  const described = steps.map((graph, t) => ({ graph, multiAdds: multiAdds[t] ?? 0 }));
  const image = { side, channels: channels === 1 ? (1 as const) : (3 as const) };
  return inScratch(files, folder => loadRunner(folder, { steps: described, image }, { threads }));
}

interface Runners {
  readonly runner: OnnxRunner;
  readonly rival: OnnxRunner | undefined;
  readonly engine: StepRunner<StepInput>;
}

async function atBatch(
  batch: number,
  exported: Exported,
  { runner, rival, engine }: Runners,
  { rounds, report }: SavingOptions,
): Promise<Saving[]> {
  const { name, model } = exported;
  const images = exported.images.slice(0, streamOf(batch));
  const inputs = Array.from({ length: Math.ceil(images.length / batch) }, (_, i) => {
    const some = images.slice(i * batch, (i + 1) * batch);
    return { images: some, ids: some.map((_, k) => i * batch + k) };
  });
  const evidence = await evidenceOf(model, runner, images, batch);
  const size = { batchSize: batch, blocks: blocksFor(batch) };
  // Each keeps its store, as `Predictor` does.
  const lane = <Rows>(side: StepRunner<Rows>, thresholds: readonly number[]): Conveyor<Rows> =>
    new Conveyor(side, { ...size, thresholds, store: new Uint8Array(storeLength(side, size)) });
  const reference = [lane(engine, [])];
  await race(reference, inputs);
  const [engineTime = NaN] = await race(reference, inputs);
  const steps = model.multiAdds.length;
  const quantiles = (p: number): Point => ({
    name: String(p),
    thresholds: thresholdsForShares(evidence, exitShares(p, steps)),
    accuracy: null,
  });
  const points = exported.points ?? budgets.map(quantiles);
  const lanes = [
    ...points.map(({ thresholds }) => lane(runner, thresholds)),
    lane(runner, []),
    ...(rival ? [lane(rival, [])] : []),
  ];
  const times = await raceRounds(lanes, inputs, rounds, what => report(`${name}: batch ${batch}, ${what}`));
  const [allTimes = [], rivalTimes = []] = times.slice(points.length);
  const perSecond = (times: readonly number[]): number => (1000 * images.length) / spread(times).median;
  const savings: Saving[] = [];
  for (const [i, { name: at, thresholds, accuracy, asStatic }] of points.entries()) {
    const point = exits(evidence, thresholds);
    const own = times[i] ?? [];
    const against = (others: readonly number[], multiAdds: number, judged: boolean): Against => {
      const counted = 1 - point.meanMultiAdds / multiAdds;
      const share = spread(own.map((time, round) => (1 - time / (others[round] ?? NaN)) / counted));
      const met = judged && batch >= savingTarget.batch ? share.median >= savingTarget.share : null;
      return { imagesPerSecond: perSecond(others), counted, share, met };
    };
    report(`${name}: batch ${batch}, p = ${at}, outside the runtime`);
    const overhead = spread(
      await overheadsOf({ ...exported, images, runner }, { batch, rounds }, thresholds),
    );
    savings.push({
      network: name,
      side: model.side,
      batch,
      point: at,
      meanSteps: point.meanSteps,
      imagesPerSecond: perSecond(own),
      allSteps: against(allTimes, evidence.last.multiAdds, true),
      engineImagesPerSecond: perSecond([engineTime]),
      accuracy,
      rival: exported.rival
        ? {
            ...against(rivalTimes, exported.rival.model.multiAdds[0] ?? NaN, asStatic === true),
            accuracy: exported.rival.accuracy,
          }
        : null,
      overhead,
      overheadMet: model.side < overheadTarget.side ? null : overhead.median <= overheadTarget.share,
    });
  }
  return savings;
}

/** A conveyor, whatever its rows are. */
type Lane = Pick<Conveyor<unknown>, 'put' | 'finish'>;

/** Images of a batch, and what the caller calls them. */
interface Batch {
  readonly images: readonly Uint8Array[];
  readonly ids: readonly number[];
}

/** For each lane the milliseconds of each round, once batches of all sizes that occur have passed. */
async function raceRounds(
  lanes: readonly Lane[],
  batches: readonly Batch[],
  rounds: number,
  report: (what: string) => void,
): Promise<number[][]> {
  report('warming up');
  const laps = Math.ceil(shortestTurn / Math.min(...(await race(lanes, batches))));
  const raced: number[][] = [];
  for (let round = 1; round <= rounds; round++) {
    report(`round ${round} of ${rounds}`);
    raced.push(await race(lanes, batches, laps));
  }
  return lanes.map((_, lane) => raced.map(times => times[lane] ?? NaN));
}

/**
 * Milliseconds that each lane takes for all batches, which pass so many times without a stop. The lanes take turns at every batch, in
 * an order that turns as well: a machine that grows slower or faster hits them alike.
 */
async function race(lanes: readonly Lane[], batches: readonly Batch[], laps = 1): Promise<number[]> {
  const times = lanes.map(() => 0);
  const timed = async (k: number, work: (lane: Lane) => AsyncIterable<unknown>): Promise<void> => {
    const start = performance.now();
    await drain(work(lanes[k] as Lane));
    times[k] = (times[k] ?? 0) + performance.now() - start;
  };
  for (let turn = 0; turn < laps * batches.length; turn++) {
    const { images, ids } = batches[turn % batches.length] as Batch;
    for (const i of lanes.keys()) await timed((turn + i) % lanes.length, lane => lane.put(images, ids));
  }
  for (const k of lanes.keys()) await timed(k, lane => lane.finish());
  return times.map(time => time / laps);
}

/** The answers of every step for every image. */
async function evidenceOf(
  { classes, multiAdds }: AnytimeModel,
  runner: OnnxRunner,
  images: readonly Uint8Array[],
  batch: number,
): Promise<Evidence> {
  const size = runner.imageSize;
  const logits = multiAdds.map(() => new Float32Array(images.length * classes.length));
  for (let i = 0; i < images.length; i += batch) {
    const some = images.slice(i, i + batch);
    const pixels = new Uint8Array(some.length * size);
    some.forEach((image, k) => pixels.set(image, k * size));
    let t = 0;
    for await (const answer of takeSteps(runner, pixels, []))
      logits[t++]?.set(answer.logits, i * classes.length);
  }
  const labels = new Int32Array(images.length);
  return readEvidence({ logits, labels, classes: classes.length, multiAdds });
}

export async function drain(work: AsyncIterable<unknown>): Promise<void> {
  const iterator = work[Symbol.asyncIterator]();
  while ((await iterator.next()).done !== true);
}

/** The share of the time of a stream of pixels that does not pass in a session, of each round. */
async function overheadsOf(
  { runner, model, patch, images }: Pick<Exported, 'model' | 'patch' | 'images'> & { runner: OnnxRunner },
  { batch, rounds }: { readonly batch: number; readonly rounds: number },
  thresholds: readonly number[],
): Promise<number[]> {
  const { side, channels, classes, multiAdds } = model;
  const target = { height: side, width: side, channels };
  const decode = (pixels: Uint8Array): Promise<Uint8Array> => Promise.resolve(pixels);
  const predictor = new Predictor({
    ...{ runner, classes, patch, multiAdds, decode, target },
    thresholdsFor: () => thresholds,
  });
  const sessions = (InferenceSession as unknown as { prototype: InferenceSession }).prototype;
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its own `this` below
  const { run } = sessions;
  let inside = 0;
  sessions.run = async function (this: InferenceSession, ...args: unknown[]) {
    const start = performance.now();
    const given = await run.apply(this, args as Parameters<typeof run>);
    inside += performance.now() - start;
    return given;
  };
  try {
    const overheads: number[] = [];
    // As a stream goes on: in the first its memory is had, and its code compiled.
    for (let round = 0; round <= rounds; round++) {
      inside = 0;
      const start = performance.now();
      await drain(predictor.stream(images, { budget: 1, batchSize: batch }));
      overheads.push(1 - inside / (performance.now() - start));
    }
    return overheads.slice(1);
  } finally {
    sessions.run = run;
  }
}
