/** An engine whose answers are known, for what is above engines. */
import { expect } from 'vitest';
import { Predictor } from '../../src/predict/predictor.js';
import type { StepRunner, Taken } from '../../src/predict/step-runner.js';

/**
 * Three networks for four steps: the third serves steps 3 and 4. An image is one number, the step at which it is sure, from 1; what is remembered
 * of it is how many steps it took, which every network checks.
 */
export interface Rows {
  readonly pixels: Uint8Array;
  readonly places: Int32Array;
  readonly taken: readonly number[];
}

export class Counting implements StepRunner<Rows> {
  readonly networks = ['a', 'b', 'c', 'c'];
  readonly imageSize = 1;
  /** What each run took: its network, and how many rows. */
  readonly runs: [string, number][] = [];
  freed = 0;
  alive = 0;

  begin({ pixels, places }: Pick<Rows, 'pixels' | 'places'>): Rows {
    this.alive += places.length;
    return { pixels, places, taken: [...places].map(() => 0) };
  }

  take(step: number, { pixels, places, taken }: Rows): Taken<Rows> {
    this.runs.push([this.networks[step] ?? '', places.length]);
    for (const steps of taken) expect(this.networks[steps]).toBe(this.networks[step]);
    const probabilities = Float32Array.from(
      [...places].flatMap((place, i) => {
        const sure = (pixels[place] ?? NaN) <= (taken[i] ?? NaN) + 1;
        return sure ? [0.9, 0.1] : [0.4, 0.6];
      }),
    );
    const answer = { probabilities, logits: probabilities, actions: null };
    return { answer, rows: { pixels, places, taken: taken.map(steps => steps + 1) } };
  }

  part({ pixels, places, taken }: Rows, lists: readonly Int32Array[]): Rows[] {
    this.alive -= places.length;
    return lists.map(list => {
      this.alive += list.length;
      return { pixels, places: list.map(i => places[i] ?? NaN), taken: [...list].map(i => taken[i] ?? NaN) };
    });
  }

  join(parts: readonly Rows[]): Rows {
    return {
      pixels: parts[0]?.pixels ?? new Uint8Array(0),
      places: Int32Array.from(parts.flatMap(({ places }) => [...places])),
      taken: parts.flatMap(({ taken }) => taken),
    };
  }

  free({ places }: Rows): void {
    this.alive -= places.length;
  }

  dispose(): void {
    return;
  }
}

/** A model of such images, which are given as numbers. @param onDecode told of each that is decoded */
export function counting(
  runner: StepRunner<Rows> = new Counting(),
  onDecode: (image: number) => void = () => undefined,
): Predictor<number> {
  return new Predictor({
    runner,
    decode(image) {
      onDecode(image);
      return Promise.resolve(Uint8Array.of(image));
    },
    target: { height: 1, width: 1, channels: 1 },
    classes: ['sure', 'unsure'],
    patch: undefined,
    multiAdds: [1, 1, 1, 1],
    thresholdsFor: () => [1, 1, 1],
  });
}
