/** Budgeted batch classification: thresholds that let given shares of a set leave at each step (METHOD.md, "Threshold rule"). */
import { always, never } from './exits.js';
import type { Evidence } from './outputs.js';

/** The reference's 39 budgets are these p, from nearly all images leaving at the glance to nearly all taking every step. */
export const referenceBudgets: readonly number[] = Array.from({ length: 39 }, (_, i) => i + 1);

/** The shares q_t proportional to (p / 20)^t, t = 1 .. steps; they sum to 1. */
export function exitShares(p: number, steps: number): number[] {
  const weights = Array.from({ length: steps }, (_, t) => (p / 20) ** (t + 1));
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.map(weight => weight / total);
}

/**
 * The reference's rule: at step t, of the images still there in order of falling confidence, the floor(n q_t)-th sets the
 * threshold, and all as confident leave, so that ties can let more leave than q_t. Where that count is 0 or more than the
 * images still there, nobody leaves. The last step always answers.
 *
 * @param shares q, one for each step
 * @returns one threshold for each step
 */
export function thresholdsForShares({ steps, labels }: Evidence, shares: readonly number[]): number[] {
  let remaining = [...labels.keys()];
  return steps.map(({ confidence }, t) => {
    if (t === steps.length - 1) return always;
    const at = (i: number) => confidence[i] ?? 0;
    const count = Math.floor(labels.length * (shares[t] ?? 0));
    const falling = Float32Array.from(remaining, at).sort().reverse();
    const threshold = falling[count - 1] ?? never;
    remaining = remaining.filter(i => at(i) < threshold);
    return threshold;
  });
}
