/** Sums over the batches of an epoch, kept in checkpoints so that an epoch can be resumed in its midst. */

/** What one batch showed: sums over its images, and means over it. */
export interface BatchMetrics {
  readonly loss: number;
  /** Images answered rightly after each step. */
  readonly correct: readonly number[];
  /** Further figures of the stage, each a mean over the batch. */
  readonly means: Readonly<Record<string, number>>;
}

export interface EpochSums {
  readonly batches: number;
  readonly images: number;
  readonly loss: number;
  readonly correct: readonly number[];
  readonly means: Readonly<Record<string, number>>;
}

export const noSums: EpochSums = { batches: 0, images: 0, loss: 0, correct: [], means: {} };

export function addBatch(sums: EpochSums, images: number, batch: BatchMetrics): EpochSums {
  return {
    batches: sums.batches + 1,
    images: sums.images + images,
    loss: sums.loss + batch.loss,
    correct: batch.correct.map((count, t) => (sums.correct[t] ?? 0) + count),
    means: Object.fromEntries(
      Object.entries(batch.means).map(([name, value]) => [name, (sums.means[name] ?? 0) + value]),
    ),
  };
}
