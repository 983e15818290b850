/** Which images to show: some that are answered rightly, some wrongly, and some that need most steps. */
import { exitSteps } from './exits.js';
import type { Evidence } from './outputs.js';

/** Indices of images; no image is in two groups. */
export interface Examples {
  readonly right: readonly number[];
  /** Wrong, and surest of it; surest first. */
  readonly worst: readonly number[];
  readonly wrong: readonly number[];
  /** Right or wrong, those that leave last. */
  readonly longest: readonly number[];
}

/** At most `count` images of each kind under `thresholds`, each of another source, spread evenly over the set. */
export function pickExamples(evidence: Evidence, thresholds: readonly number[], count: number): Examples {
  const exit = exitSteps(evidence, thresholds);
  const images = [...exit.keys()];
  const isRight = (i: number) => evidence.steps[(exit[i] ?? 0) - 1]?.correct[i] === 1;
  const sureness = (i: number) => evidence.steps[(exit[i] ?? 0) - 1]?.confidence[i] ?? 0;
  const ofOthers = (images: readonly number[]): number[] => {
    const seen = new Set<number | undefined>();
    return images.filter(i => !seen.has(evidence.sources[i]) && seen.add(evidence.sources[i]));
  };
  const errors = images.filter(i => !isRight(i));
  const worst = ofOthers(errors.toSorted((a, b) => sureness(b) - sureness(a))).slice(0, count);
  const wrong = spread(ofOthers(errors.filter(i => !worst.includes(i))), count);
  const others = images.filter(i => !wrong.includes(i) && !worst.includes(i));
  const latest = others.reduce((most, i) => Math.max(most, exit[i] ?? 0), 0);
  const longest = spread(ofOthers(others.filter(i => exit[i] === latest)), count);
  const right = spread(ofOthers(others.filter(i => isRight(i) && !longest.includes(i))), count);
  return { right, worst, wrong, longest };
}

function spread(images: readonly number[], count: number): number[] {
  const kept = Math.min(count, images.length);
  return Array.from({ length: kept }, (_, i) => images[Math.floor((i * images.length) / kept)] ?? 0);
}
