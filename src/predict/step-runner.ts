/** What takes steps with batches of images, in some engine. */
import type { StepAnswer } from '../model/answer.js';
import { remaining } from '../model/answer.js';
import { upTo } from './places.js';

/** Images kept one after the other: [places, side, side, channels]. */
export interface ImageStore {
  readonly pixels: Uint8Array;
  /** Where the images of a batch lie; they follow each other. */
  readonly places: Int32Array;
}

/**
 * `Rows` are some images between two steps, with what is remembered of them. They are used once: taking a step, choosing among them and
 * joining them leave others in their place.
 */
export interface StepRunner<Rows = unknown> {
  /** For each step, what takes it: images that wait for steps of the same network can take them together. */
  readonly networks: readonly unknown[];
  /** Bytes of an image. */
  readonly imageSize: number;
  /** Images before their first step. They must stay where they are, unchanged, until their rows are freed or have taken their last step. */
  begin(images: ImageStore): Rows;
  /** Takes a step (from 0) with all of them. */
  take(step: number, rows: Rows): Taken<Rows> | Promise<Taken<Rows>>;
  /** For each list of places, the rows there; those in no list are freed. */
  part(rows: Rows, lists: readonly Int32Array[]): Rows[];
  join(parts: readonly Rows[]): Rows;
  free(rows: Rows): void;
  dispose(): void | Promise<void>;
}

export interface Taken<Rows> {
  readonly answer: Omit<StepAnswer, 'rows'>;
  /** With what is remembered for the next step. */
  readonly rows: Rows;
}

/** The same, with each step taken as `around` has it. */
export function within<Rows>(
  runner: StepRunner<Rows>,
  around: (take: () => Taken<Rows> | Promise<Taken<Rows>>) => Promise<Taken<Rows>>,
): StepRunner<Rows> {
  const { networks, imageSize } = runner;
  return {
    networks,
    imageSize,
    begin: images => runner.begin(images),
    take: (step, rows) => around(() => runner.take(step, rows)),
    part: (rows, lists) => runner.part(rows, lists),
    join: parts => runner.join(parts),
    free: rows => runner.free(rows),
    dispose: () => runner.dispose(),
  };
}

/** The steps one after the other with one batch, which shrinks as images leave. @param images [n, side, side, channels] */
export async function* takeSteps<Rows>(
  runner: StepRunner<Rows>,
  images: Uint8Array,
  thresholds: readonly number[],
): AsyncGenerator<StepAnswer> {
  let places = upTo(images.length / runner.imageSize);
  let rows = runner.begin({ pixels: images, places });
  try {
    for (const step of runner.networks.keys()) {
      const taken: Taken<Rows> = await runner.take(step, rows);
      ({ rows } = taken);
      const answer = { ...taken.answer, rows: places };
      yield answer;
      const stay = remaining(answer, thresholds[step] ?? Infinity);
      if (stay.length === 0) return;
      if (stay.length < places.length) {
        const [kept] = runner.part(rows, [stay]);
        rows = kept as Rows;
        places = stay.map(i => answer.rows[i] ?? 0);
      }
    }
  } finally {
    runner.free(rows);
  }
}
