/** A model's graphs in int8: ranges of activations from images, and what quantisation costs and brings on this machine. */
import type { BundleManifest } from '../bundle/manifest.js';
import { ExportError } from '../errors/index.js';
import { largest } from '../evaluation/softmax.js';
import type { OnnxModel } from '../onnx/model.js';
import type { Range } from '../onnx/quantise.js';
import { observing, quantise, quantisedValues, rangeNames } from '../onnx/quantise.js';
import { loadSessions } from '../predict/onnx-node.js';
import type { Session } from '../predict/onnx-runner.js';
import { OnnxRunner } from '../predict/onnx-runner.js';
import type { StepRunner } from '../predict/step-runner.js';
import type { Recorded } from './graphs.js';
import { encodeGraphs } from './graphs.js';
import { inScratch } from './scratch.js';
import { allSteps } from './verify.js';

/** Images in their order, a batch at a time. */
export interface Batch {
  /** [n, side, side, channels] */
  readonly pixels: Uint8Array;
  /** Classes, [n]; undefined where they are not known. */
  readonly labels: readonly number[] | undefined;
}

export type Batches = () => AsyncIterable<Batch>;

type Image = BundleManifest['image'];
export type Int8Report = NonNullable<BundleManifest['int8']>;

/** How float32 and int8 are timed: images at once, turns of each that count, and turns before. */
const timing = { batches: [1, 16], rounds: 15, warmUp: 3 } as const;

/** The graphs in int8, scales chosen by what lies between the least and the largest activation on the images of `batches`, all steps taken. */
export async function quantiseGraphs(recorded: Recorded, image: Image, batches: Batches): Promise<Recorded> {
  const ranges = new Map<string, Range[]>();
  const observed = mapModels(recorded, observing);
  await withRunner(
    observed,
    image,
    batchesSeen => seeAll(batchesSeen, batches),
    (session, name) => {
      const values = quantisedValues(recorded.models.get(name) as OnnxModel);
      return listening(session, given => {
        const seen = values.map((_, i): Range => {
          const [min = NaN, max = NaN] = rangeNames(i).map(end => (given[end]?.data as Float32Array)[0]);
          return { min, max };
        });
        ranges.set(name, joined(ranges.get(name), seen));
      });
    },
  );
  return mapModels(recorded, (model, name) => quantise(model, ranges.get(name) ?? []));
}

/** What int8 answers and takes, beside float32: in turns on the images of `batches`. */
export async function compareInt8(
  float32: Recorded,
  int8: Recorded,
  image: Image,
  batches: Batches,
): Promise<Omit<Int8Report, 'calibrated'>> {
  return withRunner(float32, image, before =>
    withRunner(int8, image, async after => ({
      ...(await answersBeside(before, after, batches)),
      speedUp: await speedUps(before, after, batches),
    })),
  );
}

/** @throws ExportError where int8 is the slower with some number of images */
export function refuseSlower({ speedUp }: Int8Report): void {
  if (speedUp.every(({ ratio }) => ratio > 1)) return;
  throw new ExportError({
    problem: 'int8 is not faster on this machine: nothing was written',
    given: speedUp.map(({ batch, ratio }) => `batch ${batch}: ${ratio.toFixed(2)} times as fast`).join(', '),
    allowed: 'above 1 with each',
    mend: 'leave --int8 out; --int8 always writes it for another machine',
  });
}

async function answersBeside(
  before: StepRunner,
  after: StepRunner,
  batches: Batches,
): Promise<Pick<Int8Report, 'judged' | 'steps'>> {
  const steps = before.networks.map(() => ({ same: 0, float32: 0, int8: 0 }));
  let [judged, labelled] = [0, true];
  for await (const { pixels, labels } of batches()) {
    const [expected, given] = [await classesOf(before, pixels), await classesOf(after, pixels)];
    labelled &&= labels !== undefined;
    judged += pixels.length / before.imageSize;
    steps.forEach((step, t) =>
      expected[t]?.forEach((answer, i) => {
        const other = given[t]?.[i];
        step.same += Number(answer === other);
        step.float32 += Number(answer === labels?.[i]);
        step.int8 += Number(other === labels?.[i]);
      }),
    );
  }
  return {
    judged,
    steps: steps.map(({ same, float32, int8 }) => ({
      agreement: same / judged,
      accuracy: labelled ? { float32: float32 / judged, int8: int8 / judged } : null,
    })),
  };
}

/** Likeliest class of each image after each step. */
async function classesOf(runner: StepRunner, pixels: Uint8Array): Promise<Int32Array[]> {
  const answers = await allSteps(runner, pixels);
  return answers.map(({ logits, rows }) => largest(logits, logits.length / rows.length));
}

async function speedUps(
  before: StepRunner,
  after: StepRunner,
  batches: Batches,
): Promise<Int8Report['speedUp']> {
  let first = new Uint8Array(0);
  for await (const { pixels } of batches()) {
    first = new Uint8Array(pixels);
    break;
  }
  const found: { batch: number; ratio: number }[] = [];
  for (const batch of timing.batches) {
    const size = before.imageSize;
    const pixels = new Uint8Array(batch * size);
    for (let i = 0; i < batch; i++) pixels.set(first.subarray(0, size), i * size);
    const time = async (runner: StepRunner): Promise<number> => {
      const started = performance.now();
      await allSteps(runner, pixels);
      return performance.now() - started;
    };
    // The fastest turn of each: what else the machine does only adds to the others.
    const fastest = { before: Infinity, after: Infinity };
    for (let round = -timing.warmUp; round < timing.rounds; round++) {
      const turn = { before: await time(before), after: await time(after) };
      if (round < 0) continue;
      fastest.before = Math.min(fastest.before, turn.before);
      fastest.after = Math.min(fastest.after, turn.after);
    }
    found.push({ batch, ratio: fastest.before / fastest.after });
  }
  return found;
}

async function seeAll(runner: StepRunner, batches: Batches): Promise<void> {
  for await (const { pixels } of batches()) await allSteps(runner, pixels);
}

/** Loads graphs from a folder of their own for as long as they are used. */
async function withRunner<Result>(
  recorded: Recorded,
  image: Image,
  use: (runner: StepRunner) => Promise<Result>,
  wrap: (session: Session, name: string) => Session = session => session,
): Promise<Result> {
  const { files, steps } = encodeGraphs(recorded);
  return inScratch(files, async folder => {
    const sessions = await loadSessions(
      folder,
      steps.map(graph => ({ graph })),
    );
    const wrapped = new Map(sessions.map((session, t) => [session, wrap(session, recorded.steps[t] ?? '')]));
    const runner = new OnnxRunner(
      sessions.flatMap(session => wrapped.get(session) ?? []),
      image,
    );
    try {
      return await use(runner);
    } finally {
      await runner.dispose();
    }
  });
}

/** The session, all that it gives being shown. */
function listening(session: Session, see: (given: Awaited<ReturnType<Session['run']>>) => void): Session {
  return {
    inputMetadata: session.inputMetadata,
    outputMetadata: session.outputMetadata,
    release: () => session.release(),
    async run(feeds) {
      const given = await session.run(feeds);
      see(given);
      return given;
    },
  };
}

function joined(before: readonly Range[] | undefined, seen: readonly Range[]): Range[] {
  return seen.map(({ min, max }, i) => ({
    min: Math.min(min, before?.[i]?.min ?? min),
    max: Math.max(max, before?.[i]?.max ?? max),
  }));
}

function mapModels(
  { models, steps }: Recorded,
  change: (model: OnnxModel, name: string) => OnnxModel,
): Recorded {
  return { models: new Map([...models].map(([name, model]) => [name, change(model, name)])), steps };
}
