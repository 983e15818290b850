/** Evaluation of anytime models from saved logits: accuracy per step, early exit, budgets, and the results they make. */
export { anytime, confusion } from './anytime.js';
export { compareRuns, parseComparison, type Comparison, type Judged } from './comparison.js';
export { pricesFor, searchThresholds } from './direct-search.js';
export { evaluateOutputs, withRobustness, withTiming, type StaticOutputs } from './evaluate.js';
export { pickExamples, type Examples } from './examples.js';
export { beliefsOf, fitTemperatures } from './beliefs.js';
export { compareCriteria, judgedBy } from './criteria.js';
export { reliability, type Reliability } from './reliability.js';
export { fitTemperature } from './temperature.js';
export { bootstrapIntervals, sumBySource } from './bootstrap.js';
export { perClass } from './per-class.js';
export { comparePolicies } from './policies.js';
export { coverage } from './coverage.js';
export { exitShares, thresholdsForShares } from './exit-shares.js';
export { always, commonThreshold, exits, exitSteps, never, type OperatingPoint } from './exits.js';
export { candidates, efficient, fitAccuracy, fitBudget, fitTime } from './fit.js';
export { betting, hoeffdingBentkus } from './p-values.js';
export { fitLatency, type StepTimes } from './latency.js';
export { looks } from './looks.js';
export { readEvidence, type AnytimeOutputs, type Evidence } from './outputs.js';
export { proportion, type Mean, type Proportion } from './proportion.js';
export {
  parseResults,
  policyNames,
  readBackground,
  type Latency,
  type ModelSummary,
  type PolicyName,
  type Results,
  type Timing,
} from './results.js';

export { guarantees, guaranteedThreshold, lossPath, riskPath } from './risk.js';
export { answer, largest, likeliest, softmax, type Guess } from './softmax.js';
