/** `--max-time`: aborts a stage so early that it has saved before its time is up. */
import type { StageOptions } from '../../training/run-stage.js';
import { timeUp } from '../../training/loop.js';

export interface TimeLimit extends Required<Pick<StageOptions, 'onSave'>> {
  /** To be called after each step. */
  readonly onStep: () => void;
  readonly stop: () => void;
}

/** Of a timer, in ms. */
const longest = 2 ** 31 - 1;

/**
 * What is under way cannot be cut short but for validation, so it leaves room for another step and for saving, twice as long as they took.
 * @param until on the clock of `performance.now()`
 */
export function timeLimit(interrupt: AbortController, until: number): TimeLimit {
  const abort = (): void => interrupt.abort(timeUp);
  const abortIn = (left: number) => setTimeout(abort, Math.min(left, longest));
  let [saving, timer] = [0, abortIn(until - performance.now())];
  let before: number | undefined;
  return {
    onSave(duration) {
      saving = Math.max(saving, duration);
      before = undefined;
    },
    onStep() {
      const now = performance.now();
      const step = before === undefined ? 0 : now - before;
      before = now;
      clearTimeout(timer);
      const left = until - now - 2 * (step + saving);
      if (left <= 0) abort();
      else timer = abortIn(left);
    },
    stop: () => clearTimeout(timer),
  };
}
