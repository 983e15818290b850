/**
 * Guaranteed budgets: thresholds that lose at most so much accuracy against all steps, with so much confidence, whatever the images are
 * (Learn then Test: Angelopoulos et al., arXiv 2110.01052; for early exit Jazbec et al., arXiv 2405.20915).
 *
 * The units that must be independent are sources: a unit's loss is the mean over its images.
 */
import { always, commonThreshold, exits, exitSteps, never, type OperatingPoint } from './exits.js';
import type { Evidence } from './outputs.js';
import { betting, hoeffdingBentkus, type LossCounts } from './p-values.js';
import type { RiskName } from './results.js';

/** What is promised: at most `maxDrop` with a probability of at least `confidence` over the draw of the validation set. */
export interface Promised {
  /** Accuracy, in (0, 1). */
  readonly maxDrop: number;
  /** In (0, 1). */
  readonly confidence: number;
}

/**
 * The common thresholds in the order they are tested, from the strictest. They are fixed before any image is seen: that is what makes
 * testing one after the other, each at the full level, valid (fixed-sequence testing).
 */
export const riskPath: readonly number[] = [
  ...Array.from({ length: 47 }, (_, i) => 1 - 10 ** (-5 + i / 10)),
  0.5,
  0.4,
  0.3,
  0.2,
  0.1,
  always,
];

/** What one threshold of the path loses on a set. */
export interface PathPoint {
  readonly threshold: number;
  /** Accuracy lost against all steps, of each source: in [-1, 1], for where all steps are wrong there is some to win. */
  readonly losses: LossCounts;
}

/** For each threshold of the path, what each source loses. */
export function lossPath(evidence: Evidence): PathPoint[] {
  return riskPath.map(threshold => ({
    threshold,
    losses: countLosses(sourceMeans(lost(evidence, threshold), evidence)),
  }));
}

/**
 * The last threshold of the path up to which the hypothesis "this loses more" is rejected each time; `never` where the first is not.
 *
 * @param pValue of "the point loses more than is allowed"
 */
function lastSafe<Point extends { readonly threshold: number }>(
  path: readonly Point[],
  pValue: (point: Point) => number,
  confidence: number,
): number {
  const failed = path.findIndex(point => pValue(point) > 1 - confidence);
  return path[(failed < 0 ? path.length : failed) - 1]?.threshold ?? never;
}

/** The loosest common threshold that keeps a promise about the accuracy over all images. */
export function guaranteedThreshold(path: readonly PathPoint[], { maxDrop, confidence }: Promised): number {
  return lastSafe(path, ({ losses }) => betting(losses, maxDrop), confidence);
}

/** What a promise costs: its threshold, found on validation, with its figures on test. */
export interface Guarantee extends OperatingPoint {
  readonly risk: RiskName;
  readonly maxDrop: number;
  readonly threshold: number;
}

/**
 * For each drop three promises: of accuracy over all images (`overall`); of accuracy within every class at once (`every class`); and of the
 * share of images that all steps answer rightly and early exit does not, with nothing set off against it (`spoiled`).
 *
 * "Every class" is false as soon as one class loses more, and the largest of the classes' p-values is one for that, so that no correction
 * for their number is needed (intersection-union test).
 */
export function guarantees(
  validation: Evidence,
  test: Evidence,
  drops: readonly number[],
  confidence: number,
): Guarantee[] {
  const path = riskPath.map(threshold => losses(validation, threshold));
  return drops.flatMap(maxDrop => {
    const pValues: Readonly<Record<RiskName, (point: Losses) => number>> = {
      overall: ({ overall }) => betting(overall, maxDrop),
      'every class': ({ classes }) => Math.max(...classes.map(each => betting(each, maxDrop))),
      spoiled: ({ spoiled }) => hoeffdingBentkus(spoiled, maxDrop),
    };
    return (Object.keys(pValues) as RiskName[]).map(risk => {
      const threshold = lastSafe(path, pValues[risk], confidence);
      return { risk, maxDrop, threshold, ...exits(test, commonThreshold(threshold, test.steps.length)) };
    });
  });
}

interface Losses {
  readonly threshold: number;
  readonly overall: LossCounts;
  readonly classes: readonly LossCounts[];
  readonly spoiled: LossCounts;
}

function losses(evidence: Evidence, threshold: number): Losses {
  const drops = lost(evidence, threshold);
  const counts = (values: Int8Array, label?: number) => countLosses(sourceMeans(values, evidence, label));
  return {
    threshold,
    overall: counts(drops),
    classes: Array.from({ length: evidence.classes }, (_, label) => counts(drops, label)),
    spoiled: counts(drops.map(drop => Math.max(0, drop))),
  };
}

/** Of each image, [n]: 1 where all steps are right and early exit is wrong, -1 the other way about, else 0. */
export function lost(evidence: Evidence, threshold: number): Int8Array {
  const { steps, last } = evidence;
  const exit = exitSteps(evidence, commonThreshold(threshold, steps.length));
  return Int8Array.from(exit, (step, i) => (last.correct[i] ?? 0) - (steps[step - 1]?.correct[i] ?? 0));
}

/** The mean of `values` ([n]) over the images of each source, in the order of their first; only those of one class where it is given. */
export function sourceMeans(
  values: Int8Array,
  { sources, labels }: Pick<Evidence, 'sources' | 'labels'>,
  label?: number,
): number[] {
  const sums = new Map<number, { sum: number; count: number }>();
  for (const [i, source] of sources.entries()) {
    if (label !== undefined && labels[i] !== label) continue;
    const { sum, count } = sums.get(source) ?? { sum: 0, count: 0 };
    sums.set(source, { sum: sum + (values[i] ?? 0), count: count + 1 });
  }
  return [...sums.values()].map(({ sum, count }) => sum / count);
}

export function countLosses(values: readonly number[]): LossCounts {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort(([a], [b]) => a - b);
}
