/** Whether a promise is kept: thresholds chosen on a random half of the sources, and what they lose on the other half, many times over. */
import { permutation, type Random } from '../random/index.js';
import { never } from './exits.js';
import type { Evidence } from './outputs.js';
import { countLosses, guaranteedThreshold, lost, riskPath, sourceMeans, type Promised } from './risk.js';

export interface Coverage {
  /** What the half that was not chosen on lost, split by split. */
  readonly drops: number[];
  /** Splits that lost more than was promised. */
  readonly exceeded: number;
}

/**
 * @param sets their sources are put together; a source of one is none of another
 * @param promised see `guaranteedThreshold`
 */
export function coverage(
  sets: readonly Evidence[],
  promised: Promised,
  splits: number,
  random: Random,
): Coverage {
  const table = riskPath.map(threshold => ({
    threshold,
    means: sets.flatMap(set => sourceMeans(lost(set, threshold), set)),
  }));
  const sources = table[0]?.means.length ?? 0;
  const half = Math.floor(sources / 2);
  const drops = Array.from({ length: splits }, () => {
    const order = permutation(random, sources);
    const pick = (means: readonly number[], from: number, to: number) =>
      Array.from(order.subarray(from, to), i => means[i] ?? 0);
    const path = table.map(({ threshold, means }) => ({
      threshold,
      losses: countLosses(pick(means, 0, half)),
    }));
    const chosen = guaranteedThreshold(path, promised);
    if (chosen === never) return 0;
    const rest = pick(table.find(({ threshold }) => threshold === chosen)?.means ?? [], half, sources);
    return rest.reduce((sum, drop) => sum + drop, 0) / rest.length;
  });
  return { drops, exceeded: drops.filter(drop => drop > promised.maxDrop).length };
}
