/** Whether the learned policy was worth it: the same networks, looking elsewhere. */
import { stream } from '../random/index.js';
import { anytime, type AnytimeRow } from './anytime.js';
import { bootstrapIntervals, sumBySource, type Interval } from './bootstrap.js';
import { readEvidence, type AnytimeOutputs } from './outputs.js';
import type { PolicyName } from './results.js';

interface PolicyStep extends AnytimeRow {
  /** 95 % interval of the accuracy. */
  readonly interval: Interval;
  /** Accuracy of the learned policy less this one's, on the same images. */
  readonly behind: { readonly mean: number; readonly interval: Interval };
}

export interface PolicyRow {
  readonly name: PolicyName;
  readonly steps: PolicyStep[];
}

/**
 * Accuracy after each step of each policy, with bootstrap intervals over sources.
 *
 * @param others on the same images as `learned`, in the same order
 */
export function comparePolicies(
  learned: AnytimeOutputs,
  others: Readonly<Partial<Record<PolicyName, AnytimeOutputs>>>,
): PolicyRow[] {
  const best = readEvidence(learned);
  const entries = Object.entries({ learned, ...others }) as [PolicyName, AnytimeOutputs][];
  return entries.map(([name, outputs]) => {
    const evidence = readEvidence(outputs);
    const correct = evidence.steps.map(step => step.correct);
    const behind = correct.map((right, t) =>
      Int8Array.from(right, (value, i) => (best.steps[t]?.correct[i] ?? 0) - value),
    );
    const sums = sumBySource([...correct, ...behind], evidence.sources);
    // The same draws for every policy.
    const intervals = bootstrapIntervals(sums, stream(0, 'bootstrap'));
    const none: Interval = [NaN, NaN];
    return {
      name,
      steps: anytime(evidence).map((row, t) => ({
        ...row,
        interval: intervals[t] ?? none,
        behind: {
          mean: mean(behind[t] ?? new Int8Array()),
          interval: intervals[correct.length + t] ?? none,
        },
      })),
    };
  });
}

function mean(values: Int8Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
