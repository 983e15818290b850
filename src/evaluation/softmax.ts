/** Probabilities and confidences of logits: the one definition that thresholds are fitted with and exits are decided by. */

/**
 * Softmax of each row, stable for logits of any size.
 *
 * @param logits [n, classes], row by row
 * @returns probabilities, [n, classes], in single precision as in the reference
 */
export function softmax(logits: Float32Array, classes: number): Float32Array {
  const probabilities = new Float32Array(logits.length);
  for (let start = 0; start < logits.length; start += classes) {
    const row = logits.subarray(start, start + classes);
    const largest = row.reduce((a, b) => Math.max(a, b), -Infinity);
    const exponentials = Float64Array.from(row, logit => Math.exp(logit - largest));
    const sum = exponentials.reduce((a, b) => a + b, 0);
    for (const [j, exponential] of exponentials.entries()) probabilities[start + j] = exponential / sum;
  }
  return probabilities;
}

export interface Guess {
  /** Its index: labels may occur twice, as ImageNet's `crane` does. */
  readonly class: number;
  readonly label: string;
  /** In [0, 1]. */
  readonly probability: number;
}

/** The `count` likeliest classes of one image, likeliest first, of equal ones the first; `probabilities`: [classes]. */
export function likeliest(probabilities: Float32Array, classes: readonly string[], count: number): Guess[] {
  const best: number[] = [];
  /** Of `count`, once there are as many. */
  let least = -Infinity;
  for (let i = 0; i < classes.length; i++) {
    const probability = probabilities[i] ?? 0;
    if (probability <= least) continue;
    let place = best.length;
    while (place > 0 && (probabilities[best[place - 1] ?? 0] ?? 0) < probability) place--;
    best.splice(place, 0, i);
    if (best.length > count) best.pop();
    if (best.length === count) least = probabilities[best[count - 1] ?? 0] ?? 0;
  }
  return best.map(i => ({ class: i, label: classes[i] ?? '', probability: probabilities[i] ?? 0 }));
}

/** The class with the largest logit of each row of `logits` ([n, classes]), of equal ones the first. */
export function largest(logits: Float32Array, classes: number): Int32Array {
  return Int32Array.from({ length: logits.length / classes }, (_, i) => {
    const row = logits.subarray(i * classes, (i + 1) * classes);
    return row.indexOf(row.reduce((most, logit) => Math.max(most, logit), -Infinity));
  });
}

/** What a network answered for n images, and how sure it was. */
export interface Answers {
  /** The most probable class, [n]; of equal ones the first. */
  readonly predicted: Int32Array;
  /** Its softmax probability, [n]. */
  readonly confidence: Float32Array;
}

/** The most probable class of each row of `logits` ([n, classes]) and its probability. */
export function answer(logits: Float32Array, classes: number): Answers {
  const probabilities = softmax(logits, classes);
  const n = logits.length / classes;
  const predicted = new Int32Array(n);
  const confidence = new Float32Array(n);
  for (let i = 0; i < n; i++) {
    const row = probabilities.subarray(i * classes, (i + 1) * classes);
    const best = row.reduce((a, b) => Math.max(a, b), 0);
    predicted[i] = row.indexOf(best);
    confidence[i] = best;
  }
  return { predicted, confidence };
}
