/** Whether the exported graphs give what the training engine gives, and all steps in one graph what they give one by one. */
import { Tensor } from 'onnxruntime-common';
import type { BundleManifest } from '../bundle/manifest.js';
import { ExportError } from '../errors/index.js';
import type { StepAnswer } from '../model/answer.js';
import type { Session } from '../predict/onnx-runner.js';
import type { StepRunner } from '../predict/step-runner.js';
import { takeSteps } from '../predict/step-runner.js';

/** Largest difference of logits, over the largest logit of their step, that two engines may have. */
const tolerance = 1e-4;

/** Of actions: places this near to each other may fall to either side of the border between two pixels. */
const sameAction = 1e-5;

/**
 * Takes all steps on both sides. Where the engines look at places of neighbouring pixels, from actions that differ by rounding, an image
 * is compared up to there.
 * @param images [n, side, side, channels]
 * @param range side - patch: how far a patch can be moved
 * @returns the largest difference that was found
 * @throws ExportError where it exceeds the tolerance
 */
export async function verify(
  engine: StepRunner,
  exported: StepRunner,
  images: Uint8Array,
  range: number,
): Promise<number> {
  const [expected, given] = [await allSteps(engine, images), await allSteps(exported, images)];
  const apart = new Set<number>();
  let largest = expected.length === given.length ? 0 : Infinity;
  expected.forEach((answer, t) => {
    const other = given[t];
    if (!other) return;
    for (const row of movedApart(answer, other, range)) apart.add(row);
    largest = Math.max(largest, difference(answer.logits, other.logits, answer.rows.length, apart));
  });
  refuseAbove(largest, 'the exported model does not give what the training engine gives');
  return largest;
}

/**
 * Runs `single.onnx` on each image alone: with thresholds that stop after the first step, and with thresholds that never stop.
 * @param steps the same model step by step
 * @param images [n, side, side, channels]
 * @param range side - patch
 * @throws ExportError where it takes other steps, looks elsewhere, or answers otherwise than the tolerance allows
 */
export async function verifySingle(
  steps: StepRunner,
  single: Session,
  { side, channels }: BundleManifest['image'],
  images: Uint8Array,
  range: number,
): Promise<void> {
  let largest = 0;
  for (let from = 0; from < images.length; from += steps.imageSize) {
    const image = images.subarray(from, from + steps.imageSize);
    const answers = await allSteps(steps, image);
    for (const taken of new Set([1, answers.length])) {
      const given = await single.run({
        images: new Tensor('uint8', image, [1, side, side, channels]),
        thresholds: new Tensor(
          'float32',
          new Float32Array(answers.length - 1).fill(taken === 1 ? 0 : Infinity),
        ),
      });
      largest = Math.max(largest, differenceOfOne(answers.slice(0, taken), given, range));
    }
  }
  refuseAbove(largest, 'all steps as one graph do not give what they give one by one');
}

/** What a session gives. */
type Given = Awaited<ReturnType<Session['run']>>;

/** Infinite where other steps were taken, or other places looked at; 0 where places are those of neighbouring pixels by rounding. */
function differenceOfOne(answers: readonly StepAnswer[], given: Given, range: number): number {
  const last = answers.at(-1);
  if (!last || integersOf(given.steps)[0] !== answers.length) return Infinity;
  const places = answers.slice(1).flatMap(({ actions }) => [...(actions ?? [])].map(value => value * range));
  const pixels = integersOf(given.boxes);
  if (pixels.length !== places.length) return Infinity;
  const moved = places.findIndex((place, i) => Math.floor(place) !== pixels[i]);
  if (moved !== -1) {
    const [place = NaN, pixel = NaN] = [places[moved], pixels[moved]];
    const border = Math.max(Math.floor(place), pixel);
    const rounding =
      Math.abs(place - border) <= sameAction * range && Math.abs(Math.floor(place) - pixel) === 1;
    return rounding ? 0 : Infinity;
  }
  return Math.max(
    ...(['logits', 'probabilities'] as const).map(name =>
      difference(last[name], (given[name]?.data ?? []) as ArrayLike<number>, 1, new Set()),
    ),
  );
}

function integersOf(tensor: Given[string] | undefined): number[] {
  return tensor ? Array.from(tensor.data as BigInt64Array, Number) : [];
}

function refuseAbove(largest: number, problem: string): void {
  if (largest <= tolerance) return;
  throw new ExportError({
    problem: `${problem}: nothing was written`,
    given: `logits that differ by ${largest.toExponential(1)} of the largest`,
    allowed: `at most ${tolerance}`,
    mend: 'report it, with the configuration of the network',
  });
}

/** What each step answers to a batch of images, all steps taken. */
export async function allSteps(runner: StepRunner, images: Uint8Array): Promise<StepAnswer[]> {
  const answers: StepAnswer[] = [];
  for await (const answer of takeSteps(runner, images, [])) answers.push(answer);
  return answers;
}

/** The largest, over the largest of `expected`, [n, classes]; of the rows but these. NaN counts as infinitely far. */
function difference(
  expected: Float32Array,
  given: ArrayLike<number>,
  n: number,
  without: ReadonlySet<number>,
): number {
  const classes = expected.length / n;
  let [largest, scale] = [0, 1e-30];
  expected.forEach((value, i) => {
    scale = Math.max(scale, Math.abs(value));
    if (without.has(Math.floor(i / classes))) return;
    const distance = Math.abs(value - (given[i] ?? NaN));
    largest = Math.max(largest, Number.isNaN(distance) ? Infinity : distance);
  });
  return largest / scale;
}

/** Images whose places fall to other pixels though their actions are the same but for rounding. */
function movedApart(a: StepAnswer, b: StepAnswer, range: number): number[] {
  const [first, second] = [a.actions, b.actions];
  if (!first || !second) return [];
  return [...a.rows].filter(row =>
    [2 * row, 2 * row + 1].some(i => {
      const [here = NaN, there = NaN] = [first[i], second[i]];
      const near = Math.abs(here - there) <= sameAction;
      return near && Math.floor(here * range) !== Math.floor(there * range);
    }),
  );
}
