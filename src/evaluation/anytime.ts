/** Anytime prediction: what is known after each step, against the Multi-Adds spent so far (METHOD.md, "Evaluation"). */
import type { Evidence, Step } from './outputs.js';
import { proportion, type Proportion } from './proportion.js';

/** Accuracy after a step; the error is 1 - accuracy, with the same standard error. */
export interface AnytimeRow extends Proportion {
  /** 1 (the glance) to T. */
  readonly step: number;
  /** For one image, up to the end of this step. */
  readonly multiAdds: number;
}

/** One row for each step. */
export function anytime({ steps, sources }: Evidence): AnytimeRow[] {
  return steps.map(({ correct, multiAdds }, t) => ({
    step: t + 1,
    multiAdds,
    ...proportion(correct, sources),
  }));
}

/** Counts of images, [true class][predicted class], at one step of the evidence. */
export function confusion({ labels, classes }: Evidence, { predicted }: Step): number[][] {
  const counts = Array.from({ length: classes }, () => new Int32Array(classes));
  for (const [i, label] of labels.entries()) {
    const row = counts[label];
    const column = predicted[i];
    if (row !== undefined && column !== undefined) row[column] = (row[column] ?? 0) + 1;
  }
  return counts.map(row => [...row]);
}
