/** Confidence intervals by the bootstrap over sources: sets of as many sources are drawn anew, with replacement, many times (Efron 1979). */
import type { Random } from '../random/index.js';
import { integer } from '../random/index.js';

const resamples = 1000;

/** The share of the resamples that an interval holds. */
const level = 0.95;

/** Its ends, the lower first. */
export type Interval = readonly [low: number, high: number];

/** Sums over the images of each source. */
export interface SourceSums {
  /** [sources] for each statistic. */
  readonly sums: readonly Float64Array[];
  /** Images, [sources]. */
  readonly counts: Float64Array;
}

/** Sums of `values` ([n] for each statistic) over the images of each source. */
export function sumBySource(values: readonly ArrayLike<number>[], sources: Int32Array): SourceSums {
  const places = new Map<number, number>();
  for (const source of sources) if (!places.has(source)) places.set(source, places.size);
  const counts = new Float64Array(places.size);
  const sums = values.map(() => new Float64Array(places.size));
  sources.forEach((source, i) => {
    const place = places.get(source) ?? 0;
    counts[place] = (counts[place] ?? 0) + 1;
    values.forEach((value, s) => {
      const sum = sums[s];
      if (sum) sum[place] = (sum[place] ?? 0) + (value[i] ?? 0);
    });
  });
  return { sums, counts };
}

/**
 * For each statistic the interval that holds the middle 95 % of its means over images in 1000 resamples of the sources (percentile method).
 * All statistics see the same resamples.
 */
export function bootstrapIntervals({ sums, counts }: SourceSums, random: Random): Interval[] {
  const sources = counts.length;
  const means = sums.map(() => new Float64Array(resamples));
  const drawn = new Float64Array(sources);
  for (let r = 0; r < resamples; r++) {
    drawn.fill(0);
    for (let g = 0; g < sources; g++) {
      const source = integer(random, sources);
      drawn[source] = (drawn[source] ?? 0) + 1;
    }
    const images = dot(drawn, counts);
    for (const [s, sum] of sums.entries()) {
      const mean = means[s];
      if (mean) mean[r] = dot(drawn, sum) / images;
    }
  }
  return means.map(values => {
    const sorted = values.sort();
    const tail = ((1 - level) / 2) * (resamples - 1);
    return [sorted[Math.floor(tail)] ?? NaN, sorted[Math.ceil(resamples - 1 - tail)] ?? NaN];
  });
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}
