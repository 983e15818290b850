/** Each class by itself: how often it is recognised, and what it costs. */
import { stream } from '../random/index.js';
import { bootstrapIntervals, sumBySource, type Interval } from './bootstrap.js';
import { exitSteps } from './exits.js';
import type { Evidence } from './outputs.js';

export interface ClassRow {
  /** Its index. */
  readonly class: number;
  readonly images: number;
  /** Of its images, in [0, 1], with all steps; 0 where there are none. */
  readonly accuracy: number;
  readonly interval: Interval;
  /** With early exit, of its images. */
  readonly early: {
    readonly accuracy: number;
    readonly interval: Interval;
    readonly meanSteps: number;
    /** For one image. */
    readonly meanMultiAdds: number;
  };
}

/** One row for each class: with all steps, and with early exit under `thresholds`; 95 % intervals by the bootstrap over its sources. */
export function perClass(evidence: Evidence, thresholds: readonly number[]): ClassRow[] {
  const { steps, last, labels, sources, classes } = evidence;
  const exit = exitSteps(evidence, thresholds);
  const early = Uint8Array.from(exit, (step, i) => steps[step - 1]?.correct[i] ?? 0);
  return Array.from({ length: classes }, (_, c) => {
    const images = [...labels.keys()].filter(i => labels[i] === c);
    const take = (values: ArrayLike<number>) => images.map(i => values[i] ?? 0);
    const [all, left] = [take(last.correct), take(early)];
    const [interval = empty, leftInterval = empty] =
      images.length === 0
        ? []
        : bootstrapIntervals(
            sumBySource([all, left], Int32Array.from(take(sources))),
            stream(0, 'bootstrap', c),
          );
    return {
      class: c,
      images: images.length,
      accuracy: mean(all),
      interval,
      early: {
        accuracy: mean(left),
        interval: leftInterval,
        meanSteps: mean(take(exit)),
        meanMultiAdds: mean(take(exit).map(step => steps[step - 1]?.multiAdds ?? 0)),
      },
    };
  });
}

const empty: Interval = [0, 1];

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
