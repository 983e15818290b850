/** Whether the exported graphs give what the training engine gives. */
import { ExportError } from '../errors/index.js';
import type { StepAnswer } from '../model/answer.js';
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
    largest = Math.max(largest, difference(answer, other, apart));
  });
  if (largest <= tolerance) return largest;
  throw new ExportError({
    problem: 'the exported model does not give what the training engine gives: nothing was written',
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

/** NaN counts as infinitely far. */
function difference(a: StepAnswer, b: StepAnswer, without: ReadonlySet<number>): number {
  const classes = a.logits.length / a.rows.length;
  let [largest, scale] = [0, 1e-30];
  a.logits.forEach((logit, i) => {
    scale = Math.max(scale, Math.abs(logit));
    if (without.has(Math.floor(i / classes))) return;
    const distance = Math.abs(logit - (b.logits[i] ?? NaN));
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
