/** Tells those who watch a run from outside what it is doing. */
import type { RunProgress } from '../src/checkpoint/run-progress.js';
import { writeProgress } from '../src/checkpoint/run-progress.js';

/** Milliseconds between two writings. */
const interval = 1000;

export class Beacon {
  #written = -Infinity;
  #last: RunProgress;

  /** @param path of progress.json */
  constructor(
    private readonly path: string,
    epochs: number,
    batches: number,
    private readonly batchSize: number,
    epoch: number,
  ) {
    this.#last = {
      updated: new Date().toISOString(),
      state: 'training',
      epoch: Math.min(epoch + 1, epochs),
      epochs,
      batch: 0,
      batches,
      loss: null,
      accuracy: [],
      imagesPerSecond: null,
      secondsLeft: null,
    };
    this.#write();
  }

  /** What was learned, at most once a second. */
  tick(
    now: Pick<RunProgress, 'epoch' | 'batch' | 'accuracy'> & { loss: number; imagesPerSecond: number },
  ): void {
    const { epochs, batches } = this.#last;
    const left = (epochs - now.epoch) * batches + batches - now.batch;
    const { epoch, batch, accuracy, loss, imagesPerSecond } = now;
    this.#last = {
      ...this.#last,
      ...{ state: 'training', epoch, batch, accuracy, loss, imagesPerSecond },
      secondsLeft: (left * this.batchSize) / imagesPerSecond,
    };
    if (performance.now() - this.#written >= interval) this.#write();
  }

  enter(state: RunProgress['state']): void {
    this.#last = { ...this.#last, state };
    this.#write();
  }

  #write(): void {
    this.#written = performance.now();
    this.#last = { ...this.#last, updated: new Date().toISOString() };
    writeProgress(this.path, this.#last);
  }
}
