/** Images of many requests, computed together: a bounded queue in front of a pool. */
import { UsageError } from '../errors/index.js';
import type { ImageOutcome } from './messages.js';
import type { RequestOptions } from './options.js';
import type { Pool } from './pool.js';

/** The queue has no room. */
export class QueueFull extends Error {}
/** The answer would come too late, or the server has given the request up. */
export class TooLate extends Error {}

interface Waiting {
  readonly image: Uint8Array;
  readonly options: RequestOptions;
  /** Images asked for alike are computed together. */
  readonly key: string;
  readonly since: number;
  readonly signal: AbortSignal;
  readonly resolve: (outcome: ImageOutcome) => void;
  readonly reject: (error: Error) => void;
}

export interface BatcherOptions {
  readonly batch: number;
  /** Milliseconds. */
  readonly delay: number;
  readonly queue: number;
  readonly onBatch: (images: number) => void;
}

export class Batcher {
  private readonly queue: Waiting[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(
    /** The pool that computes now; undefined before the first is there. */
    private readonly pool: () => Pool | undefined,
    private readonly options: BatcherOptions,
  ) {}

  /** Images that wait. */
  get waiting(): number {
    return this.queue.length;
  }

  /**
   * What becomes of each image, in their order.
   * @param signal aborted when nobody waits for the answer any longer
   * @throws QueueFull where they have no room; TooLate once the signal is aborted; UsageError where the options do not fit the model;
   *   ChildLost where what computed them was lost
   */
  submit(
    images: readonly Uint8Array[],
    options: RequestOptions,
    signal: AbortSignal,
  ): Promise<ImageOutcome[]> {
    if (this.queue.length + images.length > this.options.queue) return Promise.reject(new QueueFull());
    const since = performance.now();
    const key = JSON.stringify(options);
    const outcomes = images.map(
      image =>
        new Promise<ImageOutcome>((resolve, reject) => {
          this.queue.push({ image, options, key, since, signal, resolve, reject });
        }),
    );
    this.dispatch();
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(new TooLate()), { once: true });
      Promise.all(outcomes).then(resolve, reject);
    });
  }

  /** Gives free processes what waits, once a batch is full or has waited long enough. */
  dispatch(): void {
    for (let pool = this.pool(); pool?.free;) {
      const batch = this.next();
      if (batch.length === 0) return;
      void this.compute(pool, batch);
    }
  }

  private next(): Waiting[] {
    const { batch, delay } = this.options;
    // What nobody waits for any longer is not computed.
    for (const gone of this.remove(({ signal }) => signal.aborted, Infinity)) gone.reject(new TooLate());
    const [first] = this.queue;
    if (!first) return [];
    const alike = this.queue.filter(({ key }) => key === first.key).length;
    const left = first.since + delay - performance.now();
    if (alike < batch && left > 0) {
      this.timer ??= setTimeout(() => {
        this.timer = undefined;
        this.dispatch();
      }, left);
      return [];
    }
    return this.remove(({ key }) => key === first.key, batch);
  }

  private remove(which: (waiting: Waiting) => boolean, most: number): Waiting[] {
    const removed: Waiting[] = [];
    for (let i = 0; i < this.queue.length && removed.length < most;) {
      const waiting = this.queue[i];
      if (waiting && which(waiting)) removed.push(...this.queue.splice(i, 1));
      else i++;
    }
    return removed;
  }

  private async compute(pool: Pool, batch: readonly Waiting[]): Promise<void> {
    const { options = {} } = batch[0] ?? {};
    this.options.onBatch(batch.length);
    try {
      const answer = await pool.run(
        batch.map(({ image }) => image),
        options,
      );
      if (answer.kind === 'refused') throw new UsageError(answer.problem);
      batch.forEach(({ resolve, reject }, i) => {
        const outcome = answer.outcomes[i];
        if (outcome) resolve(outcome);
        else reject(new Error('an image without an answer'));
      });
    } catch (error) {
      for (const { reject } of batch) reject(error instanceof Error ? error : new Error(String(error)));
    }
  }
}
