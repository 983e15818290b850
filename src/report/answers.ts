/** What a model said of each image of a set: for finding those that it gets wrong, or whose label is. */
import { boxOf } from '../crop/box.js';
import type { Evidence } from '../evaluation/index.js';
import { csvLine, type Cell } from './csv.js';

export interface GivenAnswers {
  readonly evidence: Evidence;
  /** The step (1 to T) at which each image leaves, [n]: its answer is that step's. */
  readonly exit: Int32Array;
  readonly classes: readonly string[];
  /** By what a user finds the image at this place of `evidence`. */
  readonly nameOf: (image: number) => string;
  /** One array a step, [n, 2] (row, column in [0, 1]), or null where the step saw the whole image. */
  readonly actions: readonly (Float32Array | null)[];
  /** Of the images and of the patches, in pixels. */
  readonly side: number;
  readonly patch: number;
}

/**
 * A line an image: its answer with early exit, then what each step answered, how surely, and the top left pixel of where it looked. Keys as those of
 * the other tables.
 */
export function answersCsv({ evidence, exit, classes, nameOf, actions, side, patch }: GivenAnswers): string {
  const { steps, labels } = evidence;
  const called = (label: number | undefined): string => classes[label ?? 0] ?? '';
  const columns = steps.map((_, t) => ['answer', 'confidence', ...(actions[t] ? ['row', 'column'] : [])]);
  const head = [
    ...['name', 'true', 'answer', 'right', 'confidence', 'step'],
    ...columns.flatMap((keys, t) => keys.map(key => `steps.${t + 1}.${key}`)),
  ];
  const lines = Array.from(exit, (step, i): Cell[] => {
    const own = steps[step - 1];
    const answered = steps.flatMap(({ predicted, confidence }, t): Cell[] => {
      const places = actions[t];
      const belief = [called(predicted[i]), confidence[i] ?? 0];
      if (!places) return belief;
      const { row, column } = boxOf(places[2 * i] ?? 0, places[2 * i + 1] ?? 0, side, patch);
      return [...belief, row, column];
    });
    return [
      ...[nameOf(i), called(labels[i]), called(own?.predicted[i])],
      ...[own?.correct[i] === 1, own?.confidence[i] ?? 0, step],
      ...answered,
    ];
  });
  return [head, ...lines].map(csvLine).join('');
}
