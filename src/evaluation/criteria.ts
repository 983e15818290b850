/** Other ways to be sure enough to leave than confidence, each compared at the same budgets. */
import { beliefsOf } from './beliefs.js';
import { exits, type OperatingPoint } from './exits.js';
import { candidates, fitBudget } from './fit.js';
import { readEvidence, type AnytimeOutputs, type Evidence } from './outputs.js';
import type { CriterionName } from './results.js';
import { softmax } from './softmax.js';

/** Probabilities of one image, [classes] -> how sure, in [0, 1]. */
type Certainty = (probabilities: Float32Array) => number;

/** How far the likeliest class is ahead of the next. */
const margin: Certainty = probabilities => {
  let [first, second] = [0, 0];
  for (const p of probabilities) {
    if (p > first) [first, second] = [p, first];
    else if (p > second) second = p;
  }
  return first - second;
};

/** 1 - H / log(classes): BranchyNet (Teerapittayanon et al. 2016) leaves where the entropy H is low. */
const entropy: Certainty = probabilities => {
  const h = probabilities.reduce((sum, p) => sum - (p > 0 ? p * Math.log(p) : 0), 0);
  return Math.min(1, Math.max(0, 1 - h / Math.log(probabilities.length)));
};

/**
 * The evidence whose `confidence` is another criterion's certainty, so that whatever chooses thresholds chooses them for that.
 *
 * @param temperatures one for each step, for `calibrated confidence`
 */
export function judgedBy(
  criterion: CriterionName,
  outputs: AnytimeOutputs,
  temperatures: readonly number[],
): Evidence {
  const evidence = readEvidence(outputs);
  const { classes } = outputs;
  const certainty = (score: Certainty): Float32Array[] =>
    outputs.logits.map(logits => {
      const probabilities = softmax(logits, classes);
      return Float32Array.from(evidence.labels, (_, i) =>
        score(probabilities.subarray(i * classes, (i + 1) * classes)),
      );
    });
  /** Of all steps. */
  const scores: Readonly<Record<CriterionName, () => readonly Float32Array[]>> = {
    confidence: () => evidence.steps.map(({ confidence }) => confidence),
    'calibrated confidence': () => beliefsOf(outputs, temperatures),
    margin: () => certainty(margin),
    entropy: () => certainty(entropy),
    patience: () => evidence.steps.map((_, t) => agreement(evidence, t)),
  };
  const judged = scores[criterion]();
  const steps = evidence.steps.map((step, t) => ({ ...step, confidence: judged[t] ?? step.confidence }));
  return { ...evidence, steps };
}

/** How many steps up to step t have given the answer of step t without a break, over all steps (PABEE: Zhou et al. 2020). */
function agreement({ steps, labels }: Evidence, t: number): Float32Array {
  return Float32Array.from(labels, (_, i) => {
    let agreeing = 1;
    while (agreeing <= t && steps[t - agreeing]?.predicted[i] === steps[t]?.predicted[i]) agreeing++;
    return agreeing / steps.length;
  });
}

export interface CriterionRow extends OperatingPoint {
  readonly criterion: CriterionName;
  /** Mean Multi-Adds for one image. */
  readonly budget: number;
}

/** Each criterion under the thresholds that validation lets expect to be most accurate within each budget; reported on test. */
export function compareCriteria(
  criteria: readonly CriterionName[],
  validation: AnytimeOutputs,
  test: AnytimeOutputs,
  budgets: readonly number[],
  temperatures: readonly number[],
): CriterionRow[] {
  const beliefs = beliefsOf(validation, temperatures);
  return criteria.flatMap(criterion => {
    const choices = candidates(judgedBy(criterion, validation, temperatures), beliefs);
    const judged = judgedBy(criterion, test, temperatures);
    return budgets.map(budget => ({
      criterion,
      budget,
      ...exits(judged, fitBudget(choices, budget).thresholds),
    }));
  });
}
