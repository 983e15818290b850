/** Choosing thresholds on a calibration set: for a budget of Multi-Adds, or for the accuracy of all steps at the least cost. */
import { UsageError } from '../errors/index.js';
import { pricesFor, searchThresholds } from './direct-search.js';
import { exitShares, referenceBudgets, thresholdsForShares } from './exit-shares.js';
import { always, commonThreshold, exits, exitSteps, never, type OperatingPoint } from './exits.js';
import type { Evidence } from './outputs.js';

/** Common thresholds that are tried; finer near 1, since that is where trained networks answer. */
export const commonThresholds: readonly number[] = [
  0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975, 0.99, 0.995, 0.999, 0.9995, 0.9999,
];

/** Thresholds, and what they give on the calibration set. */
export interface Choice extends OperatingPoint {
  /**
   * The accuracy that is to be expected, by how likely each answer is right. Accuracy itself hangs on the few images whose answer changes
   * from step to step, and of many choices the most accurate is the one that suits those few.
   */
  readonly expected: number;
}

/**
 * The choices that fitting picks from, with what each gives on the calibration set: everyone leaves at the glance, nobody
 * leaves early, one common threshold, the exit shares of the reference's budgets, and direct search.
 * @param beliefs how likely each answer is right: see `beliefsOf`
 * @param searched thresholds that direct search found on the calibration set
 */
export function candidates(
  calibration: Evidence,
  beliefs: readonly Float32Array[],
  searched = searchThresholds(calibration, beliefs, pricesFor(calibration)),
): Choice[] {
  const steps = calibration.steps.length;
  const common = [always, ...commonThresholds, never].map(threshold => commonThreshold(threshold, steps));
  const shares = referenceBudgets.map(p => thresholdsForShares(calibration, exitShares(p, steps)));
  return [...common, ...shares, ...searched].map(thresholds => ({
    ...exits(calibration, thresholds),
    expected: expectedAccuracy(calibration, beliefs, thresholds),
  }));
}

function expectedAccuracy(
  calibration: Evidence,
  beliefs: readonly Float32Array[],
  thresholds: readonly number[],
): number {
  const exit = exitSteps(calibration, thresholds);
  return exit.reduce((sum, step, i) => sum + (beliefs[step - 1]?.[i] ?? 0), 0) / exit.length;
}

/** Results of before there was an expected accuracy have the measured one alone. */
export type Valued = Pick<OperatingPoint, 'accuracy'> & Partial<Pick<Choice, 'expected'>>;

const worth = ({ expected, accuracy }: Valued): number => expected ?? accuracy;

const cheapest = (a: OperatingPoint, b: OperatingPoint) =>
  b.meanMultiAdds < a.meanMultiAdds || (b.meanMultiAdds === a.meanMultiAdds && b.accuracy > a.accuracy)
    ? b
    : a;

/**
 * The choices that some budget may pick, whatever each step costs, from the cheapest to the best: those than which no other is expected to be
 * as accurate with no step taken by more images. A budget picks among them as it does among all.
 */
export function efficient<Point extends Valued & Pick<OperatingPoint, 'meanMultiAdds' | 'exitShares'>>(
  choices: readonly Point[],
): Point[] {
  const described = choices.map(choice => ({ choice, reach: takenBy(choice.exitShares) }));
  const asGood = (a: (typeof described)[number], b: (typeof described)[number]): boolean =>
    worth(a.choice) >= worth(b.choice) && a.reach.every((share, t) => share <= (b.reach[t] ?? 0) + rounding);
  return described
    .filter(
      (own, i) =>
        !described.some((other, j) => i !== j && asGood(other, own) && !(asGood(own, other) && i < j)),
    )
    .map(({ choice }) => choice)
    .sort((a, b) => a.meanMultiAdds - b.meanMultiAdds);
}

/** Of sums of shares of the same images. */
const rounding = 1e-9;

/** Share of the images that take each step, from the shares that leave at each. */
function takenBy(exitShares: readonly number[]): number[] {
  return exitShares.map((_, t) => exitShares.slice(t).reduce((sum, share) => sum + share, 0));
}

/**
 * The choice expected to be most accurate of those that cost no more than the budget; of equal ones the cheapest.
 *
 * @param belowGlance told what the cheapest costs
 */
function within<Point extends Valued>(
  choices: readonly Point[],
  costOf: (choice: Point) => number,
  budget: number,
  belowGlance: (least: number) => { readonly given: string; readonly allowed: string },
): Point {
  const costed = choices.map(choice => ({ choice, cost: costOf(choice) }));
  const affordable = costed.filter(({ cost }) => cost <= budget);
  if (affordable.length === 0) {
    throw new UsageError({
      problem: 'budget is below the cost of the glance',
      ...belowGlance(Math.min(...costed.map(({ cost }) => cost))),
    });
  }
  return affordable.reduce((best, other) => {
    const gain = worth(other.choice) - worth(best.choice);
    return gain > 0 || (gain === 0 && other.cost < best.cost) ? other : best;
  }).choice;
}

/**
 * The candidate expected to be most accurate of those whose mean cost is within the budget; of equal ones the cheapest.
 *
 * @param budget mean Multi-Adds for one image
 * @throws {UsageError} when not even the glance fits the budget
 */
export function fitBudget<Point extends Valued & Pick<OperatingPoint, 'meanMultiAdds'>>(
  choices: readonly Point[],
  budget: number,
): Point {
  return within(
    choices,
    ({ meanMultiAdds }) => meanMultiAdds,
    budget,
    least => ({ given: `${budget} Multi-Adds`, allowed: `at least ${Math.ceil(least)}` }),
  );
}

/**
 * The same for a budget of time: what a choice takes follows from the shares of images that leave at each step.
 *
 * @param budget mean milliseconds for one image
 * @param times milliseconds that each step takes for one image
 * @throws {UsageError} when not even the glance fits the budget
 */
export function fitTime<Point extends Valued & Pick<OperatingPoint, 'exitShares'>>(
  choices: readonly Point[],
  budget: number,
  times: readonly number[],
): Point {
  return within(
    choices,
    ({ exitShares }) => takenBy(exitShares).reduce((sum, share, t) => sum + share * (times[t] ?? 0), 0),
    budget,
    least => ({
      given: `${budget} ms`,
      allowed: `at least ${least.toPrecision(3)} ms, as measured on this machine`,
    }),
  );
}

/**
 * The cheapest candidate that loses at most `maxDrop` against all steps, with one standard error of what it loses to spare: the
 * cheapest of many looks better on the images it was chosen on than it is.
 *
 * @param maxDrop in [0, 1], e.g. 0.002 for 0.2 points
 */
export function fitAccuracy(choices: readonly OperatingPoint[], maxDrop: number): OperatingPoint {
  return choices.filter(({ drop }) => drop.mean + drop.standardError <= maxDrop).reduce(cheapest);
}
