/** What early exit saves, in sentences. */
import type { Results } from '../evaluation/index.js';
import { errorRate, multiAdds, percent, points, times } from './format.js';

/** What the accuracy of all steps costs with early exit and, where time was measured, how much faster that is. */
export function summary({ fullAccuracy, timing }: Results): string[] {
  const cost =
    `Full accuracy (within ${percent(fullAccuracy.maxDrop, 1)} points on validation, a standard error included) takes ` +
    `${percent(fullAccuracy.relativeCost, 1)} % of all steps' Multi-Adds: ${multiAdds(fullAccuracy.meanMultiAdds)} in ` +
    `${fullAccuracy.meanSteps.toFixed(2)} steps on average, error ${errorRate(fullAccuracy)} %, ` +
    `${points(fullAccuracy.drop)} points more than all steps.`;
  if (timing === null) return [cost];
  const time =
    `By the clock that is ${timing.earlyExitImagesPerSecond.toFixed(0)} images/s instead of ` +
    `${timing.allStepsImagesPerSecond.toFixed(0)} (${timing.conditions}): ${times(timing.measuredSpeedup)} measured, ` +
    `${times(timing.countedSpeedup)} counted, ratio ${timing.ratio.toFixed(2)}.`;
  return [cost, time];
}
