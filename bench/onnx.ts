/** What early exit saves by the clock on ONNX Runtime, beside what it saves in Multi-Adds, and what is spent outside the runtime. */
import { setEnvironmentData } from 'node:worker_threads';
import type { Evidence } from '../src/evaluation/index.js';
import { exitShares, readEvidence, exits, thresholdsForShares } from '../src/evaluation/index.js';
import { weightsFile } from '../src/bundle/manifest.js';
import { exportGraphs } from '../src/export/graphs.js';
import type { AnytimeModel, StepInput } from '../src/model/anytime.js';
import type { Spread } from '../src/model/spread.js';
import { spread } from '../src/model/spread.js';
import { blocksFor, Conveyor } from '../src/predict/conveyor.js';
import { engineRunner } from '../src/predict/engine.js';
import type { StepRunner } from '../src/predict/step-runner.js';
import { takeSteps } from '../src/predict/step-runner.js';
import { loadRunner } from '../src/predict/onnx-node.js';
import type { OnnxRunner } from '../src/predict/onnx-runner.js';
import { Predictor } from '../src/predict/predictor.js';
import { stream, uniform } from '../src/random/index.js';
import { StreamWorkers } from '../src/predict/stream-workers.js';
import { threadsOfEach } from '../src/predict/threads.js';
import type { Network } from './race.js';
import { batchesOf, drain, Race, race, shared } from './race.js';
import { seed } from './subject.js';
import { insideKey, timeSessions } from './timed-sessions.js';
import { side, untrained } from './untrained.js';

const batches = [1, 16, 64] as const;
/** Of the reference's budgets: the smaller, the more images leave early. */
export const budgets = [4, 8, 14, 20, 30] as const;

/** Images of a stream: long beside what is on its way at once. */
const streamOf = (batch: number): number => Math.max(128, 16 * batch);

/** Rounds of the time outside the runtime, at least, for a long stream has few. */
const fewest = 3;

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
  /** Batches taken at the same time, by threads that have their share of the others. */
  readonly workers: number;
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
  const network = networkOf(exported.model);
  const runner = await loadRunner(network.files, network.manifest, options);
  const rival = exported.rival && networkOf(exported.rival.model);
  try {
    const savings: Saving[] = [];
    for (const batch of batches)
      savings.push(...(await atBatch(batch, exported, { network, runner, rival, engine }, options)));
    return savings;
  } finally {
    await runner.dispose();
    await engine.dispose();
  }
}

export function networkOf(model: AnytimeModel): Network {
  const { files, steps } = exportGraphs(model);
  const { multiAdds, side, channels } = model;
  const whole = [...files].map(([name, parts]) => [name, Buffer.concat(parts)] as const);
  return {
    files: {
      path: 'the exported model',
      graphs: new Map(whole.filter(([name]) => name !== weightsFile)),
      weights: whole.filter(([name]) => name === weightsFile).map(([path, data]) => ({ path, data })),
    },
    manifest: {
      steps: steps.map((graph, t) => ({ graph, multiAdds: multiAdds[t] ?? 0 })),
      image: { side, channels: channels === 1 ? 1 : 3 },
    },
  };
}

interface Runners {
  readonly network: Network;
  readonly runner: OnnxRunner;
  readonly rival: Network | undefined;
  readonly engine: StepRunner<StepInput>;
}

async function atBatch(
  batch: number,
  exported: Exported,
  { network, runner, rival, engine }: Runners,
  options: SavingOptions,
): Promise<Saving[]> {
  const { name, model } = exported;
  const { threads, workers, rounds } = options;
  const report = (what: string): void => options.report(`${name}: batch ${batch}, ${what}`);
  const images = exported.images.slice(0, streamOf(batch));
  const evidence = await evidenceOf(model, runner, images, batch);
  const engineTime = await engineTimeOf(engine, images, batch);
  const steps = model.multiAdds.length;
  const quantiles = (p: number): Point => ({
    name: String(p),
    thresholds: thresholdsForShares(evidence, exitShares(p, steps)),
    accuracy: null,
  });
  const points = exported.points ?? budgets.map(quantiles);
  const raced = await Race.start(
    {
      networks: [network, ...(rival ? [rival] : [])],
      threads: threadsOfEach(workers, threads),
      lanes: [
        ...points.map(({ thresholds }) => ({ network: 0, thresholds })),
        { network: 0, thresholds: [] },
        ...(rival ? [{ network: 1, thresholds: [] }] : []),
      ],
      images: shared(images),
      batch,
    },
    workers,
  );
  const times = await raceRounds(raced, rounds, report);
  await raced.end();
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
    report(`p = ${at}, outside the runtime`);
    const overhead = spread(
      await overheadsOf({ ...exported, images, network, runner }, { ...options, batch }, thresholds),
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

/** Of all steps with all images, the second time, as a stream goes on. */
async function engineTimeOf(
  engine: StepRunner<StepInput>,
  images: readonly Uint8Array[],
  batch: number,
): Promise<number> {
  const lane = new Conveyor(engine, { batchSize: batch, blocks: blocksFor(batch), thresholds: [] });
  const inputs = batchesOf(images, batch);
  await race([lane], inputs);
  const [time = NaN] = await race([lane], inputs);
  return time;
}

/** For each lane the milliseconds of each round, once batches of all sizes that occur have passed. */
async function raceRounds(raced: Race, rounds: number, report: (what: string) => void): Promise<number[][]> {
  report('warming up');
  const first = await raced.run(1);
  const laps = Math.ceil(shortestTurn / Math.min(...first));
  const times: number[][] = [];
  for (let round = 1; round <= rounds; round++) {
    report(`round ${round} of ${rounds}`);
    times.push(await raced.run(laps));
  }
  return first.map((_, lane) => times.map(of => of[lane] ?? NaN));
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

/** The share of the time of a stream of pixels that does not pass in a session, of each round; with workers, of the time of all of them. */
async function overheadsOf(
  {
    network,
    runner,
    model,
    patch,
    images,
  }: Pick<Exported, 'model' | 'patch' | 'images'> & Pick<Runners, 'network' | 'runner'>,
  { batch, rounds, threads, workers }: SavingOptions & { readonly batch: number },
  thresholds: readonly number[],
): Promise<number[]> {
  const { side, channels, classes, multiAdds } = model;
  const target = { height: side, width: side, channels };
  const decode = (pixels: Uint8Array): Promise<Uint8Array> => Promise.resolve(pixels);
  const { files: bundle, manifest } = network;
  const own = { threads: threadsOfEach(workers, threads) };
  const program = new URL('timed-stream-worker.js', import.meta.url);
  // Microseconds, of this thread and of workers.
  const inside = new BigInt64Array(new SharedArrayBuffer(8));
  setEnvironmentData(insideKey, inside.buffer);
  const lanes =
    workers > 1
      ? new StreamWorkers({ bundle, manifest, options: own }, workers, runner.imageSize, program)
      : undefined;
  const predictor = new Predictor({
    ...{ runner, classes, patch, multiAdds, decode, target },
    ...(lanes && { lanes }),
    thresholdsFor: () => thresholds,
  });
  const restore = timeSessions(
    milliseconds => void Atomics.add(inside, 0, BigInt(Math.round(1000 * milliseconds))),
  );
  // What a stream takes to get under way, and workers that end at different times, are little of a long one.
  const laps = 6 * workers;
  const stream = Array.from({ length: laps }, () => images).flat();
  try {
    const overheads: number[] = [];
    // As a stream goes on: in the first its memory is had, and its code compiled.
    for (let round = 0; round <= Math.max(fewest, rounds / laps); round++) {
      inside[0] = 0n;
      const start = performance.now();
      await drain(predictor.stream(stream, { budget: 1, batchSize: batch }));
      const all = workers * (performance.now() - start);
      overheads.push(1 - Number(inside[0]) / 1000 / all);
    }
    return overheads.slice(1);
  } finally {
    restore();
    await lanes?.dispose();
  }
}
