/** Early exit: an image leaves at the first step whose confidence reaches that step's threshold. */
import { UsageError } from '../errors/index.js';
import type { Evidence } from './outputs.js';
import { clusteredMean, proportion, type Mean, type Proportion } from './proportion.js';

/** A threshold that no confidence reaches, as the reference writes it. */
export const never = 1e8;
/** A threshold that every confidence reaches: the last step's. */
export const always = -1e8;

/** What a choice of thresholds costs and gives on a set. */
export interface OperatingPoint extends Proportion {
  /** One for each step; the last step always answers, whatever its threshold. */
  readonly thresholds: readonly number[];
  /** Mean number of steps an image takes, 1 to T. */
  readonly meanSteps: number;
  /** Mean for one image. */
  readonly meanMultiAdds: number;
  /** Share of the images that leave at each step; they sum to 1. */
  readonly exitShares: readonly number[];
  /** Accuracy lost against all steps on the same images. */
  readonly drop: Mean;
}

/** The same threshold at every step but the last, which always answers. */
export function commonThreshold(threshold: number, steps: number): number[] {
  return [...Array.from({ length: steps - 1 }, () => threshold), always];
}

/**
 * The step (1 to T) at which each image leaves, [n].
 *
 * @throws {UsageError} when there is not one threshold for each step
 */
export function exitSteps({ steps, labels }: Evidence, thresholds: readonly number[]): Int32Array {
  if (thresholds.length !== steps.length) {
    throw new UsageError({
      problem: 'thresholds do not fit the model',
      given: `${thresholds.length} thresholds`,
      allowed: `${steps.length}, one for each step`,
    });
  }
  return Int32Array.from(labels, (_, i) => {
    const exit = steps.findIndex(({ confidence }, t) => (confidence[i] ?? 0) >= (thresholds[t] ?? never));
    return exit < 0 ? steps.length : exit + 1;
  });
}

/** Accuracy, cost and exit shares under `thresholds` (one for each step). */
export function exits(evidence: Evidence, thresholds: readonly number[]): OperatingPoint {
  const { steps, last, sources } = evidence;
  const exit = exitSteps(evidence, thresholds);
  const leaving = steps.map(() => 0);
  const correct = Uint8Array.from(exit, (step, i) => {
    leaving[step - 1] = (leaving[step - 1] ?? 0) + 1;
    return steps[step - 1]?.correct[i] ?? 0;
  });
  const exitShares = leaving.map(count => count / exit.length);
  const mean = (cost: (t: number) => number) =>
    leaving.reduce((sum, count, t) => sum + count * cost(t), 0) / exit.length;
  return {
    thresholds,
    ...proportion(correct, sources),
    meanSteps: mean(t => t + 1),
    meanMultiAdds: mean(t => steps[t]?.multiAdds ?? 0),
    exitShares,
    drop: clusteredMean(
      Int8Array.from(correct, (right, i) => (last.correct[i] ?? 0) - right),
      sources,
    ),
  };
}
