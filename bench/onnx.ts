/** What early exit saves by the clock on ONNX Runtime, beside what it saves in Multi-Adds, and what is spent outside the runtime. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import { exitShares, readEvidence, exits, thresholdsForShares } from '../src/evaluation/index.js';
import { exportGraphs } from '../src/export/graphs.js';
import type { ModelConfig } from '../src/model/config.js';
import type { StepInput } from '../src/model/anytime.js';
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
import { seed } from './subject.js';
import { side, untrained } from './untrained.js';

const batches = [1, 16, 64] as const;
/** Of the reference's budgets: the smaller, the more images leave early. */
const budgets = [4, 8, 14, 20, 30] as const;

/** Least of the counted saving that the clock must show, from this batch size on; most of the time that may pass outside the runtime. */
const savingTarget = { share: 0.9, batch: 16 };
const overheadTarget = 0.05;

export interface Saving {
  readonly network: string;
  readonly batch: number;
  /** p of the reference's exit shares, q_t ~ (p / 20)^t. */
  readonly p: number;
  readonly meanSteps: number;
  /** Multi-Adds that early exit saves, over those of all steps. */
  readonly counted: number;
  /** Medians of the rounds. */
  readonly imagesPerSecond: number;
  readonly allStepsImagesPerSecond: number;
  /** The same all-steps work in TensorFlow. */
  readonly engineImagesPerSecond: number;
  /** Time saved over that of all steps, over `counted`; of the rounds. */
  readonly share: Spread;
  /** Time outside ONNX Runtime over all, from pixels to predictions. */
  readonly overhead: number;
  readonly met: boolean | null;
}

export interface SavingOptions {
  readonly threads: number;
  readonly rounds: number;
  readonly images: number;
  readonly report: (message: string) => void;
}

/** With weights as they are drawn: what images leave is chosen by quantiles of the confidences, whatever these are worth. */
export async function measureSavings(name: string, options: SavingOptions): Promise<Saving[]> {
  const { config, model, dispose } = untrained(name);
  const folder = mkdtempSync(join(tmpdir(), 'gfnet-bench-'));
  const engine = engineRunner(model);
  try {
    const { files, steps } = exportGraphs(model);
    for (const [file, content] of files) writeFileSync(join(folder, file), content);
    const description = {
      steps: steps.map((graph, t) => ({ graph, multiAdds: model.multiAdds[t] ?? 0 })),
      image: { side, channels: 3 as const },
    };
    const runner = await loadRunner(folder, description, { threads: options.threads });
    const glance = await InferenceSession.create(join(folder, steps[0] ?? ''));
    const sessions = Object.getPrototypeOf(glance) as InferenceSession;
    const savings: Saving[] = [];
    for (const batch of batches)
      savings.push(
        ...(await atBatch(name, batch, config, model.multiAdds, runner, engine, options, sessions)),
      );
    await glance.release();
    await runner.dispose();
    return savings;
  } finally {
    await engine.dispose();
    dispose();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function atBatch(
  network: string,
  batch: number,
  { classes, patch }: ModelConfig,
  multiAdds: readonly number[],
  runner: OnnxRunner,
  engine: StepRunner<StepInput>,
  { images: wanted, rounds, report }: SavingOptions,
  sessions: InferenceSession,
): Promise<Saving[]> {
  // A stream has at least four batches on their way.
  const count = Math.max(4, Math.floor(wanted / batch));
  const size = side * side * 3;
  const inputs = Array.from({ length: count }, (_, i) => uniform(stream(seed, 'images', i), batch * size));
  const logits: Float32Array[] = multiAdds.map(() => new Float32Array(count * batch * classes.length));
  for (const [i, images] of inputs.entries()) {
    let t = 0;
    for await (const answer of takeSteps(runner, images, []))
      logits[t++]?.set(answer.logits, i * batch * classes.length);
  }
  const labels = new Int32Array(count * batch);
  const evidence = readEvidence({ logits, labels, classes: classes.length, multiAdds });
  const all = evidence.last.multiAdds;
  const pass = async <Rows>(side: StepRunner<Rows>, thresholds: readonly number[]): Promise<number> => {
    const start = performance.now();
    const conveyor = new Conveyor(side, { batchSize: batch, thresholds, blocks: blocksFor(batch) });
    for (const [i, images] of inputs.entries()) {
      const ids = Array.from({ length: batch }, (_, k) => i * batch + k);
      await drain(conveyor.put(rowsOf(images, batch), ids));
    }
    await drain(conveyor.finish());
    return performance.now() - start;
  };
  await pass(engine, []);
  const engineTime = await pass(engine, []);
  const savings: Saving[] = [];
  for (const p of budgets) {
    report(`${network}: batch ${batch}, p = ${p}`);
    const thresholds = thresholdsForShares(evidence, exitShares(p, multiAdds.length));
    const point = exits(evidence, thresholds);
    const counted = 1 - point.meanMultiAdds / all;
    const times: { all: number; early: number }[] = [];
    for (let round = 0; round < rounds; round++) {
      times.push({
        early: await pass(runner, thresholds),
        all: await pass(runner, []),
      });
    }
    const perSecond = (of: (time: (typeof times)[number]) => number): number =>
      (1000 * count * batch) / spread(times.map(of)).median;
    const share = spread(times.map(({ all, early }) => (1 - early / all) / counted));
    savings.push({
      network,
      batch,
      p,
      meanSteps: point.meanSteps,
      counted,
      imagesPerSecond: perSecond(({ early }) => early),
      allStepsImagesPerSecond: perSecond(({ all }) => all),
      engineImagesPerSecond: (1000 * count * batch) / engineTime,
      share,
      overhead: await overheadOf({ runner, classes, patch, multiAdds }, inputs, batch, thresholds, sessions),
      met: batch < savingTarget.batch ? null : share.median >= savingTarget.share,
    });
  }
  return savings;
}

async function drain(work: AsyncIterable<unknown>): Promise<void> {
  const iterator = work[Symbol.asyncIterator]();
  while ((await iterator.next()).done !== true);
}

function rowsOf(images: Float32Array, batch: number): Float32Array[] {
  const size = images.length / batch;
  return Array.from({ length: batch }, (_, i) => images.subarray(i * size, (i + 1) * size));
}

export const overheadMet = (overhead: number): boolean => overhead <= overheadTarget;

/**
 * The share of the time of a stream of pixels that does not pass in a session.
 * @param sessions the prototype of all sessions, whose method is timed meanwhile
 */
async function overheadOf(
  model: { runner: OnnxRunner; classes: readonly string[]; patch: number; multiAdds: readonly number[] },
  inputs: readonly Float32Array[],
  batch: number,
  thresholds: readonly number[],
  sessions: InferenceSession,
): Promise<number> {
  const target = { height: side, width: side, channels: 3 };
  const decode = (pixels: Float32Array): Promise<Float32Array> => Promise.resolve(pixels);
  const predictor = new Predictor({ ...model, decode, target, thresholdsFor: () => thresholds });
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
    const pixels = inputs.flatMap(images => rowsOf(images, batch));
    // As a stream goes on: its memory is there, and has been written to.
    await drain(predictor.stream(pixels.slice(0, 4 * batch), { budget: 1, batchSize: batch }));
    inside = 0;
    const start = performance.now();
    await drain(predictor.stream(pixels, { budget: 1, batchSize: batch }));
    return 1 - inside / (performance.now() - start);
  } finally {
    sessions.run = run;
  }
}
