/** A proportion of right answers and its standard error, with images of one source counted as one cluster. */

export interface Proportion {
  /** In [0, 1]. */
  readonly accuracy: number;
  /** Of the accuracy, in the same unit. */
  readonly standardError: number;
}

/**
 * Accuracy p = sum_i y_i / n over y_i in {0, 1}, with the cluster-robust standard error
 *
 *     sqrt(G / (G - 1) * sum_g (sum_{i in g} (y_i - p))^2) / n
 *
 * over the G sources g. Where every image is its own source this is the usual sqrt(p (1 - p) / (n - 1)).
 *
 * @param correct y, [n]
 * @param sources source of each image, [n]; at least two different ones
 */
export function proportion(correct: Uint8Array, sources: Int32Array): Proportion {
  const n = correct.length;
  const accuracy = correct.reduce((a, b) => a + b, 0) / n;
  const residuals = new Map<number, number>();
  for (const [i, y] of correct.entries()) {
    const source = sources[i] ?? i;
    residuals.set(source, (residuals.get(source) ?? 0) + y - accuracy);
  }
  const groups = residuals.size;
  const squares = [...residuals.values()].reduce((sum, residual) => sum + residual ** 2, 0);
  return { accuracy, standardError: Math.sqrt((groups / (groups - 1)) * squares) / n };
}
