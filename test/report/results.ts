/** The results of a made-up evaluation, with class and data set names that are markup. */
import {
  compareRuns,
  evaluateOutputs,
  fitLatency,
  readEvidence,
  type Comparison,
  type Results,
} from '../../src/evaluation/index.js';
import { modelOutputs } from '../evaluation/synthetic.js';

export const hostile = `<script src="x">alert('&')</script>`;

/** With the times of the steps. */
export function timedResultsOf(): Results {
  const outputs = (seed: number) => modelOutputs(seed, 400, [2, 3, 4, 5]);
  const times = { machine: hostile, images: 100, steps: [2, 3, 3, 3] };
  return { ...resultsOf(), latency: fitLatency(outputs(1), outputs(2), times) };
}

export function resultsOf(classes = 10): Results {
  const outputs = (seed: number, evidence: readonly number[]) => modelOutputs(seed, 400, evidence, classes);
  return evaluateOutputs({
    command: `gfnet evaluate ${hostile}`,
    seed: 7,
    model: {
      name: hostile,
      sha256: hostile,
      architecture: hostile,
      image: 60,
      patch: 28,
      steps: 4,
      parameters: 1_234_567,
    },
    classes: Array.from({ length: classes }, (_, i) => `${hostile}${i}`),
    validation: { name: hostile, outputs: outputs(1, [2, 3, 4, 5]) },
    test: {
      name: hostile,
      learned: outputs(2, [2, 3, 4, 5]),
      others: { random: outputs(3, [2, 2.5, 3, 3]), centre: outputs(4, [2, 2.2, 2.4, 2.6]) },
    },
    promised: { maxDrop: 0.02, confidence: 0.95 },
    statics: [{ name: hostile, input: 60, outputs: outputs(5, [4]) }],
  });
}

/** Two runs; the second takes looks that tell less. */
export function comparisonOf(): Comparison {
  const judged = [
    [2, 3, 4, 5],
    [2, 2.2, 2.4, 2.6],
  ].map((evidence, i) => {
    const name = `${hostile}${i}`;
    const learned = modelOutputs(2 + i, 400, evidence);
    const results = evaluateOutputs({
      command: 'gfnet evaluate',
      seed: 7,
      model: resultsOf().model,
      classes: resultsOf().classes,
      validation: { name, outputs: modelOutputs(1, 400, evidence) },
      test: { name, learned },
      promised: { maxDrop: 0.02, confidence: 0.95 },
    });
    return { name, results, evidence: readEvidence(learned) };
  });
  return compareRuns(`gfnet evaluate ${hostile}`, judged);
}
