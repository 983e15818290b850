/** What early exit saves by the clock. */
import { availableParallelism, cpus } from 'node:os';
import type { Dataset } from '../data/dataset.js';
import { batches, inOrder } from '../data/loader.js';
import type { Latency, StepTimes, Timing } from '../evaluation/index.js';
import { anytimeGFNet } from '../model/locators.js';
import { evaluationBatch } from '../model/outputs.js';
import { timeSteps } from '../model/profile.js';
import { Runner } from '../model/runner.js';
import { spread } from '../model/spread.js';
import type { LoadedGFNet } from '../predict/load.js';

type Measured = Pick<Timing, 'conditions' | 'allStepsImagesPerSecond' | 'earlyExitImagesPerSecond'>;

/** Images a second with all steps and with early exit, in alternation on the same batches; the faster of three passes each. */
export async function measureTime(
  { gfnet, costs, variables }: LoadedGFNet,
  test: Dataset,
  thresholds: readonly number[],
): Promise<Measured> {
  const batchSize = Math.min(evaluationBatch(test.shape), test.size);
  const order = inOrder(test).subarray(0, 4 * batchSize);
  const inputs: Float32Array[] = [];
  let count = 0;
  for await (const { images, size } of batches(test, { order, batchSize, epoch: 0, dropLast: true })) {
    if (size > 0) inputs.push(images);
    count += size;
  }
  const runner = new Runner(anytimeGFNet(gfnet, costs, () => variables, 'learned'));
  const pass = (eta: readonly number[]): number => {
    const started = performance.now();
    for (const images of inputs) Array.from(runner.run(images, eta));
    return (1000 * count) / (performance.now() - started);
  };
  const [all, early]: [number[], number[]] = [[], []];
  pass([]);
  for (let round = 0; round < 3; round++) {
    all.push(pass([]));
    early.push(pass(thresholds));
  }
  runner.dispose();
  return {
    conditions: `batches of ${batchSize}`,
    allStepsImagesPerSecond: Math.max(...all),
    earlyExitImagesPerSecond: Math.max(...early),
  };
}

/** So many images, one by one, after so many that warm up. */
const [timedImages, warmUp] = [100, 10];

/**
 * What each step takes for one image by itself, all steps taken (medians over up to 100 images), and by the clock what early exit takes with
 * the thresholds that were fitted to those times: on the same images, budgets in turn.
 */
export async function measureLatency(
  { gfnet, costs, variables }: LoadedGFNet,
  test: Dataset,
  fit: (times: StepTimes) => Latency,
): Promise<Latency> {
  const images = await oneByOne(test);
  const runner = new Runner(anytimeGFNet(gfnet, costs, () => variables, 'learned'));
  for (const image of images.slice(0, warmUp)) timeSteps(runner, image);
  const taken = images.map(image => timeSteps(runner, image));
  const steps = Array.from(
    { length: gfnet.config.steps },
    (_, t) => spread(taken.map(times => times[t] ?? 0)).median,
  );
  const latency = fit({ machine: machineName(), images: images.length, steps });
  const stopped = images.map(image =>
    latency.budgets.map(({ thresholds }) => timeSteps(runner, image, thresholds)),
  );
  runner.dispose();
  const clocks = latency.budgets.map((_, i) => {
    const times = stopped.map(budgets => budgets[i] ?? []);
    const mean = (milliseconds: readonly number[]): number =>
      milliseconds.reduce((sum, time) => sum + time, 0) / images.length;
    return {
      milliseconds: mean(times.flat()),
      expected: mean(times.flatMap(({ length }) => steps.slice(0, length))),
    };
  });
  return {
    ...latency,
    budgets: latency.budgets.map((budget, i) => ({ ...budget, clock: clocks[i] })),
  };
}

async function oneByOne(test: Dataset): Promise<Float32Array[]> {
  const order = inOrder(test).subarray(0, timedImages);
  const found: Float32Array[] = [];
  for await (const { images, size } of batches(test, { order, batchSize: 1, epoch: 0, dropLast: false })) {
    if (size > 0) found.push(images);
  }
  return found;
}

function machineName(): string {
  return `${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${availableParallelism()} cores`;
}
