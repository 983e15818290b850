/** All looks at one image, and where a threshold would have stopped. */
import type { Belief } from '../index.js';

export interface Look extends Belief {
  /** Multi-Adds, this look's and those before it. */
  readonly spent: number;
}

/** The look that answers: the first that is as sure as the threshold, or the last; undefined where there is none yet. */
export function answering(looks: readonly Look[], threshold: number): Look | undefined {
  return looks.find(look => threshold < 1 && certainty(look) >= threshold) ?? looks.at(-1);
}

/** The largest probability, in [0, 1]. */
export function certainty({ top }: Belief): number {
  return top[0]?.probability ?? 0;
}

/** Rounded down: what is not certain does not read 100 %. */
export function percent(share: number): string {
  return `${(Math.floor(share * 1000) / 10).toFixed(1)} %`;
}

export function millions(multiAdds: number): string {
  return `${(multiAdds / 1e6).toFixed(1)} M`;
}

export function titleOf({ step }: Belief): string {
  return step === 1 ? 'Glance' : `Look ${step}`;
}
