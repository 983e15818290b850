/** Means over images and their standard errors, with images of one source counted as one cluster. */

export interface Mean {
  readonly mean: number;
  readonly standardError: number;
}

/**
 * The mean m = sum_i y_i / n, with the cluster-robust standard error
 *
 *     sqrt(G / (G - 1) * sum_g (sum_{i in g} (y_i - m))^2) / n
 *
 * over the G sources g. Where every image is its own source and y_i in {0, 1} this is the usual sqrt(m (1 - m) / (n - 1)).
 *
 * @param values y, [n]
 * @param sources source of each image, [n]; at least two different ones
 */
export function clusteredMean(values: Uint8Array | Int8Array, sources: Int32Array): Mean {
  const n = values.length;
  let sum = 0;
  for (const y of values) sum += y;
  const mean = sum / n;
  const residuals = new Map<number, number>();
  for (const [i, y] of values.entries()) {
    const source = sources[i] ?? i;
    residuals.set(source, (residuals.get(source) ?? 0) + y - mean);
  }
  const groups = residuals.size;
  const squares = [...residuals.values()].reduce((sum, residual) => sum + residual ** 2, 0);
  return { mean, standardError: Math.sqrt((groups / (groups - 1)) * squares) / n };
}

export interface Proportion {
  /** In [0, 1]. */
  readonly accuracy: number;
  /** Of the accuracy, in the same unit. */
  readonly standardError: number;
}

/** The share of right answers. @param correct 1 where the answer is right, else 0, [n] */
export function proportion(correct: Uint8Array, sources: Int32Array): Proportion {
  const { mean, standardError } = clusteredMean(correct, sources);
  return { accuracy: mean, standardError };
}
