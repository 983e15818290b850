/** Choosing thresholds on a calibration set: for a budget of Multi-Adds, or for the accuracy of all steps at the least cost. */
import { UsageError } from '../errors/index.js';
import { pricesFor, searchThresholds } from './direct-search.js';
import { exitShares, referenceBudgets, thresholdsForShares } from './exit-shares.js';
import { always, commonThreshold, exits, never, type OperatingPoint } from './exits.js';
import type { Evidence } from './outputs.js';

/** Common thresholds that are tried; finer near 1, since that is where trained networks answer. */
export const commonThresholds: readonly number[] = [
  0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975, 0.99, 0.995, 0.999, 0.9995, 0.9999,
];

/**
 * The choices that fitting picks from, with what each gives on the calibration set: everyone leaves at the glance, nobody
 * leaves early, one common threshold, the exit shares of the reference's budgets, and direct search.
 * @param searched thresholds that direct search found on the calibration set
 */
export function candidates(
  calibration: Evidence,
  searched = searchThresholds(calibration, pricesFor(calibration)),
): OperatingPoint[] {
  const steps = calibration.steps.length;
  const common = [always, ...commonThresholds, never].map(threshold => commonThreshold(threshold, steps));
  const shares = referenceBudgets.map(p => thresholdsForShares(calibration, exitShares(p, steps)));
  return [...common, ...shares, ...searched].map(thresholds => exits(calibration, thresholds));
}

const cheapest = (a: OperatingPoint, b: OperatingPoint) =>
  b.meanMultiAdds < a.meanMultiAdds || (b.meanMultiAdds === a.meanMultiAdds && b.accuracy > a.accuracy)
    ? b
    : a;

/**
 * The choices that some budget may pick, whatever each step costs, from the cheapest to the most accurate: those than which no other is as
 * accurate with no step taken by more images. A budget picks among them as it does among all.
 */
export function efficient<Point extends CostAndAccuracy & Pick<OperatingPoint, 'exitShares'>>(
  choices: readonly Point[],
): Point[] {
  const described = choices.map(choice => ({ choice, reach: takenBy(choice.exitShares) }));
  const asGood = (a: (typeof described)[number], b: (typeof described)[number]): boolean =>
    a.choice.accuracy >= b.choice.accuracy &&
    a.reach.every((share, t) => share <= (b.reach[t] ?? 0) + rounding);
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

type CostAndAccuracy = Pick<OperatingPoint, 'meanMultiAdds' | 'accuracy'>;

/**
 * The most accurate choice that costs no more than the budget; of equally accurate ones the cheapest.
 *
 * @param belowGlance told what the cheapest costs
 */
function within<Choice extends Pick<OperatingPoint, 'accuracy'>>(
  choices: readonly Choice[],
  costOf: (choice: Choice) => number,
  budget: number,
  belowGlance: (least: number) => { readonly given: string; readonly allowed: string },
): Choice {
  const costed = choices.map(choice => ({ choice, cost: costOf(choice) }));
  const affordable = costed.filter(({ cost }) => cost <= budget);
  if (affordable.length === 0) {
    throw new UsageError({
      problem: 'budget is below the cost of the glance',
      ...belowGlance(Math.min(...costed.map(({ cost }) => cost))),
    });
  }
  return affordable.reduce((best, other) => {
    const gain = other.choice.accuracy - best.choice.accuracy;
    return gain > 0 || (gain === 0 && other.cost < best.cost) ? other : best;
  }).choice;
}

/**
 * The most accurate candidate whose mean cost is within the budget; of equally accurate ones the cheapest.
 *
 * @param budget mean Multi-Adds for one image
 * @throws {UsageError} when not even the glance fits the budget
 */
export function fitBudget<Point extends CostAndAccuracy>(choices: readonly Point[], budget: number): Point {
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
export function fitTime<Point extends Pick<OperatingPoint, 'accuracy' | 'exitShares'>>(
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
