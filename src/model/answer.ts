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

/** The places within an answer whose confidence stays below the threshold. */
export function remaining({ rows, probabilities }: StepAnswer, threshold: number): Int32Array {
  const confidence = confidences(probabilities, rows.length);
  return Int32Array.from(rows.keys()).filter(i => (confidence[i] ?? 0) < threshold);
}

/** Of each row, the largest probability. @param probabilities [rows, classes] */
export function confidences(probabilities: Float32Array, rows: number): Float32Array {
  const classes = probabilities.length / rows;
  const confidence = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    let largest = -Infinity;
    for (let i = row * classes; i < (row + 1) * classes; i++)
      largest = Math.max(largest, probabilities[i] ?? 0);
    confidence[row] = largest;
  }
  return confidence;
}
