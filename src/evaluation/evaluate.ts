/** From saved outputs to results: thresholds are chosen on validation, every figure is reported on test. */
import { stream } from '../random/index.js';
import { confusion } from './anytime.js';
import { beliefsOf, fitTemperatures } from './beliefs.js';
import { coverage } from './coverage.js';
import { compareCriteria } from './criteria.js';
import { pricesFor, searchThresholds } from './direct-search.js';
import { exitShares, referenceBudgets, thresholdsForShares } from './exit-shares.js';
import { commonThreshold, exits } from './exits.js';
import { candidates, commonThresholds, fitAccuracy, fitBudget } from './fit.js';
import { looks } from './looks.js';
import { readEvidence, type AnytimeOutputs, type Evidence } from './outputs.js';
import { perClass } from './per-class.js';
import { comparePolicies } from './policies.js';
import { proportion } from './proportion.js';
import { reliability } from './reliability.js';
import { criterionNames } from './results.js';
import type { ModelSummary, PolicyName, Results, Timing } from './results.js';
import { degradations, type CorruptedOutputs } from './robustness.js';
import { guarantees, lossPath, type Promised } from './risk.js';

/** "Full accuracy" allows this drop (0.2 points). */
const maxDrop = 0.002;

/** Drops that are always promised, beside the one that was asked for. */
const promisedDrops = [0.002, 0.005, 0.01, 0.02, 0.05];

/** Random halves on which a promise is tried. */
const coverageSplits = 500;

/** A plain network on the same test images: outputs of one step. */
export interface StaticOutputs {
  readonly name: string;
  /** Side in pixels. */
  readonly input: number;
  readonly outputs: AnytimeOutputs;
}

export interface Evaluation {
  readonly command: string;
  readonly seed: number | null;
  readonly model: ModelSummary;
  readonly classes: readonly string[];
  /** The learned policy's outputs, on which thresholds are chosen. */
  readonly validation: { readonly name: string; readonly outputs: AnytimeOutputs };
  readonly test: {
    readonly name: string;
    readonly learned: AnytimeOutputs;
    /** Other ways to choose places, on the same images. */
    readonly others?: Readonly<Partial<Record<PolicyName, AnytimeOutputs>>>;
  };
  readonly statics?: readonly StaticOutputs[];
  /** The promise whose keeping is tried. */
  readonly promised: Promised;
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
  const budgets = evaluation.budgets ?? defaultBudgets(test);
  const temperatures = fitTemperatures(evaluation.validation.outputs);
  const beliefs = beliefsOf(evaluation.validation.outputs, temperatures);
  const early = earlyExit(validation, beliefs, test, budgets);
  return {
    version: 2,
    command,
    seed,
    model,
    classes: [...classes],
    validation: describe(evaluation.validation.name, validation),
    test: describe(evaluation.test.name, test),
    policies: comparePolicies(evaluation.test.learned, evaluation.test.others ?? {}),
    statics: statics.map(({ name, input, outputs }) => {
      const { last, sources } = readEvidence(outputs);
      return { name, input, multiAdds: last.multiAdds, ...proportion(last.correct, sources) };
    }),
    ...early,
    perClass: perClass(test, early.fullAccuracy.thresholds),
    risk: risk(validation, test, evaluation.promised),
    ...certainty(evaluation, temperatures, budgets.filter(isBetween(test))),
    confusion: confusion(test, test.last),
    looks: looks(evaluation.test.learned),
    robustness: null,
    timing: null,
    latency: null,
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

/** Adds what the thresholds of `fullAccuracy` do on corrupted images. */
export function withRobustness(
  results: Results,
  from: string,
  images: number,
  sets: readonly CorruptedOutputs[],
): Results {
  const { thresholds } = results.fullAccuracy;
  return { ...results, robustness: { from, images, sets: degradations(sets, thresholds) } };
}

type EarlyExit = Pick<
  Results,
  'choices' | 'budgets' | 'exitShares' | 'directSearch' | 'commonThresholds' | 'fullAccuracy'
>;

function earlyExit(
  validation: Evidence,
  beliefs: readonly Float32Array[],
  test: Evidence,
  budgets: readonly number[],
): EarlyExit {
  const searched = searchThresholds(validation, beliefs, pricesFor(validation));
  const choices = candidates(validation, beliefs, searched);
  const steps = test.steps.length;
  const full = exits(test, fitAccuracy(choices, maxDrop).thresholds);
  return {
    choices,
    budgets: budgets.map(budget => ({ budget, ...exits(test, fitBudget(choices, budget).thresholds) })),
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

/** Whether a budget leaves a choice: more than the glance, less than all steps. */
function isBetween({ steps, last }: Evidence): (budget: number) => boolean {
  return budget => budget > (steps[0]?.multiAdds ?? 0) && budget < last.multiAdds;
}

function certainty(
  { validation, test }: Evaluation,
  temperatures: readonly number[],
  budgets: readonly number[],
): Pick<Results, 'calibration' | 'criteria'> {
  const { learned } = test;
  return {
    calibration: learned.logits.map((logits, t) => {
      const labelled = { logits, labels: learned.labels, classes: learned.classes };
      const temperature = temperatures[t] ?? 1;
      return {
        step: t + 1,
        temperature,
        before: reliability(labelled),
        after: reliability(labelled, temperature),
      };
    }),
    criteria: compareCriteria(criterionNames, validation.outputs, learned, budgets, temperatures),
  };
}

function risk(validation: Evidence, test: Evidence, promised: Promised): Results['risk'] {
  const { maxDrop, confidence } = promised;
  const drops = [...new Set([...promisedDrops, maxDrop])].sort((a, b) => a - b);
  return {
    maxDrop,
    confidence,
    path: lossPath(validation),
    guarantees: guarantees(validation, test, drops, confidence),
    coverage: coverage([validation, test], promised, coverageSplits, stream(0, 'coverage')),
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
