/** Images of many requests, computed together: a bounded queue in front of a pool. */
import { UsageError } from '../errors/index.js';
import type { Deadline } from './deadline.js';
import type { ImageOutcome } from './messages.js';
import type { RequestOptions } from './options.js';
import type { Pool } from './pool.js';

/** The queue has no room, or what waits there would take too long. */
export class QueueFull extends Error {
  /** @param seconds until there may be room */
  constructor(readonly seconds: number) {
    super();
  }
}
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

/** Weight of the latest batch in what an image is known to take: where it took longer, and where it took less. */
const latest = { longer: 0.5, less: 0.3 };
/** Of what is left until the deadline, the most that an image that is taken in may be expected to need: batches take longer now and then. */
const patience = 0.5;

export class Batcher {
  private readonly queue: Waiting[] = [];
  /** Images that are being computed. */
  private computing = 0;
  /** Milliseconds of one process for an image, in batches; 0 before the first. */
  private pace = 0;
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
   * @throws QueueFull where they have no room, or would probably be answered too late; TooLate once nobody waits for the answer any longer; UsageError where the options do not fit the model;
   *   ChildLost where what computed them was lost
   */
  submit(
    images: readonly Uint8Array[],
    options: RequestOptions,
    deadline: Deadline,
  ): Promise<ImageOutcome[]> {
    const { signal, left } = deadline;
    if (signal.aborted || left <= 0) return Promise.reject(new TooLate());
    const expected = this.expected(images.length);
    if (this.queue.length + images.length > this.options.queue || expected > patience * left)
      return Promise.reject(new QueueFull(Math.ceil(expected / 1000)));
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

  /** Milliseconds until so many images more would be answered. */
  private expected(images: number): number {
    // Nothing waits where nothing is known yet, or what was known is no more.
    if (this.queue.length + this.computing === 0) return 0;
    return ((this.queue.length + this.computing + images) * this.pace) / Math.max(1, this.pool()?.size ?? 1);
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
    this.computing += batch.length;
    const started = performance.now();
    try {
      const answer = await pool.run(
        batch.map(({ image }) => image),
        options,
      );
      const pace = (performance.now() - started) / batch.length;
      const weight = this.pace === 0 ? 1 : pace > this.pace ? latest.longer : latest.less;
      this.pace += weight * (pace - this.pace);
      if (answer.kind === 'refused') throw new UsageError(answer.problem);
      batch.forEach(({ resolve, reject }, i) => {
        const outcome = answer.outcomes[i];
        if (outcome) resolve(outcome);
        else reject(new Error('an image without an answer'));
      });
    } catch (error) {
      for (const { reject } of batch) reject(error instanceof Error ? error : new Error(String(error)));
    } finally {
      this.computing -= batch.length;
    }
  }
}
