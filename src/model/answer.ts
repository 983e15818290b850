/** What one step said of a batch, and who goes on: the rule of early exit, whatever computes the steps. */

export interface StepAnswer {
  /** Rows in the batch of the images that took the step. */
  readonly rows: Int32Array;
  /** [rows, classes], after the softmax. */
  readonly probabilities: Float32Array;
  /** [rows, classes] */
  readonly logits: Float32Array;
  /** [rows, 2], where it looked; null where it saw the whole image. */
  readonly actions: Float32Array | null;
}

/** The places within an answer whose confidence (largest probability) stays below the threshold. */
export function remaining({ rows, probabilities }: StepAnswer, threshold: number): Int32Array {
  const classes = probabilities.length / rows.length;
  return Int32Array.from(rows.keys()).filter(
    i => confidence(probabilities, i * classes, classes) < threshold,
  );
}

function confidence(probabilities: Float32Array, start: number, classes: number): number {
  let largest = -Infinity;
  for (let i = start; i < start + classes; i++) largest = Math.max(largest, probabilities[i] ?? 0);
  return largest;
}
