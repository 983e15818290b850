/** Splits that have the classes in the shares of the whole. */
import { permutation, stream } from '../random/index.js';

/**
 * A random order of 0 .. labels.length - 1, any stretch of which has the classes in their shares of the whole. Where classes of
 * few images have equal claims to a place, `seed` decides; or the index, by which published results on digits were split.
 */
export function stratifiedOrder(
  labels: Uint8Array | Int32Array,
  seed: number,
  ties: 'by seed' | 'by index',
): Int32Array {
  const classSizes = new Map<number, number>();
  for (const label of labels) classSizes.set(label, (classSizes.get(label) ?? 0) + 1);
  const seen = new Map<number, number>();
  // How far along its own shuffled class each one is, in (0, 1).
  const shares = new Float64Array(labels.length);
  const order = permutation(stream(seed, 'split'), labels.length);
  for (const index of order) {
    const label = labels[index] ?? 0;
    const rank = seen.get(label) ?? 0;
    seen.set(label, rank + 1);
    shares[index] = (rank + 0.5) / (classSizes.get(label) ?? 1);
  }
  // Sorting is stable: equals stay in the order of the permutation.
  const tie = (a: number, b: number): number => (ties === 'by index' ? a - b : 0);
  return order.sort((a, b) => (shares[a] ?? 0) - (shares[b] ?? 0) || tie(a, b));
}
