/** From saved outputs to results: thresholds are chosen on validation, every figure is reported on test. */
import { anytime, confusion } from './anytime.js';
import { prices, searchThresholds } from './direct-search.js';
import { exitShares, referenceBudgets, thresholdsForShares } from './exit-shares.js';
import { commonThreshold, exits } from './exits.js';
import { candidates, commonThresholds, fitAccuracy, fitBudget } from './fit.js';
import { looks } from './looks.js';
import { readEvidence, type AnytimeOutputs, type Evidence } from './outputs.js';
import { proportion } from './proportion.js';
import type { ModelSummary, Results, Timing } from './results.js';

/** "Full accuracy" allows this drop (0.2 points). */
const maxDrop = 0.002;

export interface Evaluation {
  readonly command: string;
  readonly seed: number;
  readonly model: ModelSummary;
  readonly classes: readonly string[];
  /** The learned policy's outputs, on which thresholds are chosen. */
  readonly validation: { readonly name: string; readonly outputs: AnytimeOutputs };
  readonly test: {
    readonly name: string;
    readonly learned: AnytimeOutputs;
    readonly random?: AnytimeOutputs;
    readonly centre?: AnytimeOutputs;
  };
  /** Plain networks on the same test images; `input` is the side in pixels, the outputs have one step. */
  readonly statics?: readonly {
    readonly name: string;
    readonly input: number;
    readonly outputs: AnytimeOutputs;
  }[];
  /** Mean Multi-Adds for one image; by default seven, from the cost of the glance doubling up to that of all steps. */
  readonly budgets?: readonly number[];
}

/**
 * Everything but the timing, which needs the thresholds found here (`withTiming`).
 *
 * @throws {DataError} for outputs that do not fit together
 * @throws {UsageError} for a budget below the cost of the glance
 */
export function evaluateOutputs(evaluation: Evaluation): Results {
  const { command, seed, model, classes, statics = [] } = evaluation;
  const validation = readEvidence(evaluation.validation.outputs);
  const test = readEvidence(evaluation.test.learned);
  const { random, centre } = evaluation.test;
  return {
    version: 1,
    command,
    seed,
    model,
    classes: [...classes],
    validation: describe(evaluation.validation.name, validation),
    test: describe(evaluation.test.name, test),
    policies: [
      { name: 'learned', steps: anytime(test) },
      ...(random ? [{ name: 'random' as const, steps: anytime(readEvidence(random)) }] : []),
      ...(centre ? [{ name: 'centre' as const, steps: anytime(readEvidence(centre)) }] : []),
    ],
    statics: statics.map(({ name, input, outputs }) => {
      const { last, sources } = readEvidence(outputs);
      return { name, input, multiAdds: last.multiAdds, ...proportion(last.correct, sources) };
    }),
    ...earlyExit(validation, test, evaluation.budgets ?? defaultBudgets(test)),
    confusion: confusion(test, test.last),
    looks: looks(evaluation.test.learned),
    timing: null,
  };
}

/** Adds what early exit under the thresholds of `fullAccuracy` did to the time, both measured on the same images. */
export function withTiming(
  results: Results,
  measured: Pick<Timing, 'conditions' | 'allStepsImagesPerSecond' | 'earlyExitImagesPerSecond'>,
): Results {
  const countedSpeedup = 1 / results.fullAccuracy.relativeCost;
  const measuredSpeedup = measured.earlyExitImagesPerSecond / measured.allStepsImagesPerSecond;
  const ratio = measuredSpeedup / countedSpeedup;
  return { ...results, timing: { ...measured, countedSpeedup, measuredSpeedup, ratio } };
}

type EarlyExit = Pick<
  Results,
  'calibration' | 'budgets' | 'exitShares' | 'directSearch' | 'commonThresholds' | 'fullAccuracy'
>;

function earlyExit(validation: Evidence, test: Evidence, budgets: readonly number[]): EarlyExit {
  const searched = searchThresholds(validation, prices);
  const calibration = candidates(validation, searched);
  const steps = test.steps.length;
  const full = exits(test, fitAccuracy(calibration, maxDrop).thresholds);
  return {
    calibration,
    budgets: budgets.map(budget => ({ budget, ...exits(test, fitBudget(calibration, budget).thresholds) })),
    exitShares: referenceBudgets.map(p => ({
      p,
      ...exits(test, thresholdsForShares(validation, exitShares(p, steps))),
    })),
    directSearch: searched.map(thresholds => exits(test, thresholds)),
    commonThresholds: commonThresholds.map(threshold => ({
      threshold,
      ...exits(test, commonThreshold(threshold, steps)),
    })),
    fullAccuracy: { maxDrop, ...full, relativeCost: full.meanMultiAdds / test.last.multiAdds },
  };
}

/** Parts of the way from the cost of the glance to that of all steps; closest where most images leave. */
const budgetParts = [0, 1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1];

function defaultBudgets({ steps, last }: Evidence): number[] {
  const glance = steps[0]?.multiAdds ?? 0;
  return budgetParts.map(part => glance + part * (last.multiAdds - glance));
}

function describe(name: string, { labels, sources }: Evidence): Results['test'] {
  return { name, images: labels.length, sources: new Set(sources).size };
}
