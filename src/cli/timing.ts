/** What early exit saves by the clock. */
import { availableParallelism, cpus } from 'node:os';
import type { Dataset } from '../data/dataset.js';
import { batches, inOrder } from '../data/loader.js';
import type { StepTimes, Timing } from '../evaluation/index.js';
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

/** What each step takes for one image by itself, all steps taken: medians over up to 100 images. */
export async function measureSteps(
  { gfnet, costs, variables }: LoadedGFNet,
  test: Dataset,
): Promise<StepTimes> {
  const order = inOrder(test).subarray(0, timedImages);
  const runner = new Runner(anytimeGFNet(gfnet, costs, () => variables, 'learned'));
  const times = Array.from({ length: gfnet.config.steps }, (): number[] => []);
  let images = 0;
  for await (const { images: image, size } of batches(test, {
    order,
    batchSize: 1,
    epoch: 0,
    dropLast: false,
  })) {
    if (size === 0) continue;
    if (images === 0) for (let i = 0; i < warmUp; i++) timeSteps(runner, image);
    timeSteps(runner, image).forEach((time, t) => times[t]?.push(time));
    images += 1;
  }
  runner.dispose();
  return { machine: machineName(), images, steps: times.map(values => spread(values).median) };
}

function machineName(): string {
  return `${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${availableParallelism()} cores`;
}
