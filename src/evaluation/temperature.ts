/** Temperature scaling: logits divided by one number, fitted so that probabilities mean what they say (Guo et al. 2017, section 4.2). */

/** Temperatures are sought in [1 / largest, largest]; the optimum lies beyond where every answer is right. */
const largest = 100;

/** Relative change of the inverse temperature at which the search ends. */
const precision = 1e-9;

/** Logits of one step and what they should have said. */
export interface Labelled {
  /** [n, classes] */
  readonly logits: Float32Array;
  /** [n] */
  readonly labels: Int32Array;
  readonly classes: number;
}

/**
 * The temperature T > 0 that minimises the mean negative log-likelihood of softmax(logits / T).
 *
 * In b = 1 / T the loss is convex, with the derivatives mean(E[z] - z_label) and mean(Var[z]) under softmax(b z): Newton's method, held
 * within a bracket of the derivative's change of sign.
 */
export function fitTemperature(labelled: Labelled): number {
  let [low, high] = [1 / largest, largest];
  if (slopes(labelled, low).first >= 0) return largest;
  if (slopes(labelled, high).first <= 0) return 1 / largest;
  let b = 1;
  for (;;) {
    const { first, second } = slopes(labelled, b);
    if (first > 0) high = b;
    else low = b;
    const newton = b - first / second;
    const next = newton > low && newton < high ? newton : Math.sqrt(low * high);
    if (Math.abs(next - b) <= precision * b) return 1 / next;
    b = next;
  }
}

/** First and second derivative of the mean loss in the inverse temperature. */
function slopes({ logits, labels, classes }: Labelled, b: number): { first: number; second: number } {
  let [first, second] = [0, 0];
  for (const [i, label] of labels.entries()) {
    const row = logits.subarray(i * classes, (i + 1) * classes);
    const top = row.reduce((a, z) => Math.max(a, z), -Infinity);
    let [total, mean, square] = [0, 0, 0];
    for (const z of row) {
      const weight = Math.exp(b * (z - top));
      total += weight;
      mean += weight * (z - top);
      square += weight * (z - top) ** 2;
    }
    mean /= total;
    first += mean - ((row[label] ?? 0) - top);
    second += square / total - mean ** 2;
  }
  return { first: first / labels.length, second: second / labels.length };
}
