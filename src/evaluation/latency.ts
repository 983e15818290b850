/** Early exit within a budget of milliseconds: the fit that keeps to Multi-Adds, with each step's measured time in their place. */
import { beliefsOf } from './beliefs.js';
import { pricesFor, searchThresholds } from './direct-search.js';
import { exits, type OperatingPoint } from './exits.js';
import { candidates, fitBudget } from './fit.js';
import { readEvidence, type AnytimeOutputs } from './outputs.js';
import type { Latency, LatencyPoint } from './results.js';

/** What each step alone takes for one image, in milliseconds, and on what machine. */
export type StepTimes = Pick<Latency, 'machine' | 'images' | 'steps'>;

/** Parts of the way from the time of the glance to that of all steps. */
const budgetParts = [1 / 16, 1 / 8, 1 / 4, 1 / 2, 3 / 4, 1];

/**
 * Thresholds fitted on `validation`, reported on `test`.
 *
 * @param budgets mean milliseconds for one image; by default six, from little more than the glance to all steps
 */
export function fitLatency(
  validation: AnytimeOutputs,
  test: AnytimeOutputs,
  times: StepTimes,
  budgets = defaultBudgets(times.steps),
): Latency {
  // Whatever a step costs takes the place of its Multi-Adds.
  const timed = (outputs: AnytimeOutputs) => readEvidence({ ...outputs, multiAdds: times.steps });
  const [fitted, reported] = [timed(validation), timed(test)];
  const beliefs = beliefsOf(validation);
  const searched = searchThresholds(fitted, beliefs, pricesFor(fitted));
  const choices = candidates(fitted, beliefs, searched);
  return {
    ...times,
    budgets: budgets.map(budget => ({
      budget,
      ...inTime(exits(reported, fitBudget(choices, budget).thresholds)),
    })),
    curve: searched.map(thresholds => inTime(exits(reported, thresholds))),
  };
}

function defaultBudgets(steps: readonly number[]): number[] {
  const [glance = 0] = steps;
  const rest = steps.slice(1).reduce((sum, time) => sum + time, 0);
  return budgetParts.map(part => glance + part * rest);
}

function inTime({ meanMultiAdds: meanMilliseconds, ...point }: OperatingPoint): LatencyPoint {
  return { ...point, meanMilliseconds };
}
