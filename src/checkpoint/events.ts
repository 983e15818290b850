/** TensorBoard events of a run: what metrics.csv says, one scalar for each metric and epoch. */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { NodeBackend } from '../engine/start.js';
import { backend } from '../engine/start.js';
import { RunError } from '../errors/index.js';
import { writingTo } from './file-errors.js';
import { makeFolder } from './folder.js';
import type { MetricRow } from './metrics.js';

/** What `tf.node.summaryFileWriter` calls. That function itself keeps its writers, and their tensors, until the process ends. */
interface SummaryBackend extends NodeBackend {
  summaryWriter(folder: string): Tensor;
  createSummaryFileWriter(
    writer: Tensor,
    folder: string,
    maxQueue: number,
    flushMillis: number,
    suffix: string,
  ): void;
  writeScalarSummary(writer: Tensor, step: number, name: string, value: number): void;
  flushSummaryWriter(writer: Tensor): void;
}

const eventFile = 'events.out.tfevents.';
const queue = { length: 1000, milliseconds: 60_000 };

/** The writing side of a folder of events; there may be one at a time. Its files follow from metrics.csv, which is the run's record. */
export class EventsWriter {
  readonly #folder: string;
  readonly #writer: Tensor;

  /**
   * Writes the events of `rows` to a new file in `folder`, in the place of those that are there: a resumed run, which takes epochs
   * back that were not saved, so has each step once. Those of before it was resumed then bear the time of resuming.
   *
   * @throws RunError where the folder can't be written
   */
  constructor(folder: string, rows: readonly MetricRow[]) {
    this.#folder = folder;
    writingTo(folder, () => {
      makeFolder(folder);
      for (const name of readdirSync(folder)) if (name.startsWith(eventFile)) rmSync(join(folder, name));
    });
    this.#writer = this.#writing(backend => {
      const writer = tf.keep(backend.summaryWriter(folder));
      tf.tidy(() => {
        backend.createSummaryFileWriter(writer, folder, queue.length, queue.milliseconds, '');
      });
      return writer;
    });
    for (const row of rows) this.#add(row);
    this.#flush();
  }

  /** Adds the metrics of one epoch; in the file when this returns. */
  append(row: MetricRow): void {
    this.#add(row);
    this.#flush();
  }

  close(): void {
    this.#writing(backend => backend.executeMultipleOutputs('CloseSummaryWriter', [], [this.#writer], 0));
    this.#writer.dispose();
  }

  #add({ epoch, ...metrics }: MetricRow): void {
    this.#writing(backend => {
      for (const [name, value] of Object.entries(metrics)) {
        if (value !== undefined) backend.writeScalarSummary(this.#writer, epoch, name, value);
      }
    });
  }

  #flush(): void {
    this.#writing(backend => {
      backend.flushSummaryWriter(this.#writer);
    });
  }

  #writing<T>(action: (backend: SummaryBackend) => T): T {
    try {
      return action(backend() as SummaryBackend);
    } catch (cause) {
      throw new RunError({
        problem: 'cannot write events for TensorBoard',
        given: this.#folder,
        mend: 'see the cause',
        cause,
      });
    }
  }
}
