/** What the pool and its workers say to each other. */
import type { Explanation } from '../../errors/index.js';
import type { Source } from './listing.js';
import type { Plan, Seen } from './prepare.js';

export interface Item extends Seen {
  readonly source: Source;
}

/** Images to prepare, handed to all workers; each takes the next one that nobody has begun. */
export interface Job {
  readonly id: number;
  readonly items: readonly Item[];
  readonly plan: Plan;
  /** Shared memory of all images, [n, height, width, channels]: bytes where `plan` gives such. */
  readonly pixels: Uint8Array | Float32Array;
  /** Shared: how many have been begun; then for each image the number of the worker that is at it, 0 before and `done` after. */
  readonly ledger: Int32Array;
}

export const done = -1;

/** An image that could not be prepared. */
export interface Fault {
  /** Among the job's items. */
  readonly place: number;
  readonly explanation: Explanation;
}

/** What each lane of each worker answers once nothing of a job is left to begin. */
export interface Answer {
  readonly id: number;
  readonly faults: readonly Fault[];
}

/** What a worker is told when it starts. */
export interface WorkerSettings {
  /** From 1. */
  readonly number: number;
  /** Images it has in hand at once: while one is decoded another is brought into shape. */
  readonly lanes: number;
  /** The module of `JpegModule`, where there is one. */
  readonly jpeg: string | undefined;
}
