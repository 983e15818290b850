/** Evaluation of anytime models from saved logits: accuracy per step, early exit, budgets, and the results they make. */
export { anytime, confusion } from './anytime.js';
export { prices, searchThresholds } from './direct-search.js';
export { evaluateOutputs, withTiming } from './evaluate.js';
export { pickExamples, type Examples } from './examples.js';
export { exitShares, thresholdsForShares } from './exit-shares.js';
export { always, commonThreshold, exits, exitSteps, never, type OperatingPoint } from './exits.js';
export { candidates, fitAccuracy, fitBudget } from './fit.js';
export { looks } from './looks.js';
export { readEvidence, type AnytimeOutputs } from './outputs.js';
export { proportion, type Mean, type Proportion } from './proportion.js';
export { parseResults, type ModelSummary, type PolicyName, type Results } from './results.js';
export { answer, likeliest, softmax, type Guess } from './softmax.js';
