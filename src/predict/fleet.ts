/** A stream whose batches are handed to several threads, each to one that has room; every thread is a conveyor. */
import type { MessagePort } from 'node:worker_threads';
import { EngineError } from '../errors/index.js';
import type { Lane, Looked, StreamOptions } from './conveyor.js';
import { memoryFor } from './conveyor.js';
import type { Order, Report } from './orders.js';
import type { StreamThread } from './stream-thread.js';

interface FleetOptions extends StreamOptions {
  /** Bytes. */
  readonly imageSize: number;
  /** Called before images are handed over and while they are waited for; throws where the stream is not to go on. */
  readonly goOn: () => void;
}

/** Orders that a thread may have: the next batch is there when it has done one. */
const mostOwed = 2;

export class Fleet implements Lane {
  readonly #lanes: readonly RemoteLane[];
  readonly #arrived: Looked[] = [];
  #failure: { readonly error: unknown } | undefined;
  #wake: () => void = () => undefined;

  constructor(
    threads: readonly StreamThread[],
    private readonly options: FleetOptions,
  ) {
    const listener: Listener = {
      looked: looks => this.#arrived.push(...looks),
      failed: error => (this.#failure ??= { error }),
      news: () => this.#wake(),
    };
    this.#lanes = threads.map(thread => new RemoteLane(thread, options, listener));
  }

  /** Until a thread has taken them; what has been looked at meanwhile is given, by whichever thread. */
  async *put(images: readonly Uint8Array[], ids: readonly number[]): AsyncGenerator<Looked> {
    if (images.length === 0) return;
    let free: RemoteLane | undefined;
    yield* this.#until(() => (free = this.#free()) !== undefined);
    free?.put(images, ids);
  }

  async *finish(): AsyncGenerator<Looked> {
    const begun = this.#lanes.filter(({ ready }) => ready);
    for (const lane of begun) lane.finish();
    yield* this.#until(() => begun.every(({ owed }) => owed === 0));
  }

  dispose(): void {
    for (const lane of this.#lanes) lane.close();
  }

  /** Gives what arrives, until nothing more has and that is so. */
  async *#until(met: () => boolean): AsyncGenerator<Looked> {
    for (;;) {
      this.options.goOn();
      if (this.#failure) throw this.#failure.error;
      const arrived = this.#arrived.splice(0);
      if (arrived.length > 0) yield* arrived;
      else if (met()) return;
      else await new Promise<void>(resolve => (this.#wake = resolve));
    }
  }

  /** The one with least to do. */
  #free(): RemoteLane | undefined {
    return this.#lanes
      .filter(({ ready, owed }) => ready && owed < mostOwed)
      .sort((a, b) => a.owed - b.owed)[0];
  }
}

interface Listener {
  readonly looked: (looks: readonly Looked[]) => void;
  readonly failed: (error: unknown) => void;
  /** After either. */
  readonly news: () => void;
}

/** A stream's part that one thread takes. */
class RemoteLane {
  /** Orders that are not done; the first is to begin. */
  owed = 0;
  ready = false;
  readonly #port: MessagePort;
  /** Where images lie until they are taken: those of one order after those of the other. */
  readonly #inboxes: readonly Uint8Array[];
  #puts = 0;
  #closed = false;

  constructor(
    private readonly thread: StreamThread,
    private readonly options: FleetOptions,
    private readonly listener: Listener,
  ) {
    const { batchSize, thresholds, blocks, imageSize } = options;
    this.#inboxes = Array.from({ length: mostOwed }, () =>
      memoryFor(batchSize, batchSize * imageSize, bytes => new Uint8Array(new SharedArrayBuffer(bytes))),
    );
    this.#port = thread.begin({ batchSize, thresholds, blocks });
    this.#port.on('message', (report: Report) => this.#take(report));
    this.#port.on('close', () => this.#lost());
    // The thread is held while something is owed.
    this.#port.unref();
    this.#owe();
  }

  put(images: readonly Uint8Array[], ids: readonly number[]): void {
    const { imageSize } = this.options;
    const inbox = this.#inboxes[this.#puts++ % mostOwed] as Uint8Array;
    images.forEach((image, i) => inbox.set(image, i * imageSize));
    this.#order({ kind: 'put', pixels: inbox.subarray(0, images.length * imageSize), ids });
  }

  finish(): void {
    this.#order({ kind: 'finish' });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#port.close();
    if (this.owed > 0) this.thread.release();
  }

  #order(order: Order): void {
    this.#owe();
    this.#port.postMessage(order);
  }

  #owe(): void {
    if (this.owed++ === 0) this.thread.hold();
  }

  #take(report: Report): void {
    if (this.#closed) return;
    if (report.kind === 'failed') this.listener.failed(failure(report.error));
    else {
      this.listener.looked(report.looks);
      this.ready = true;
      if (--this.owed === 0) this.thread.release();
    }
    this.listener.news();
  }

  /** The thread ended. */
  #lost(): void {
    if (this.#closed) return;
    void this.thread.ended.then(error => {
      this.listener.failed(error);
      this.listener.news();
    });
  }
}

function failure(cause: unknown): EngineError {
  return new EngineError({
    problem: 'a thread that takes the steps of a stream failed',
    given: cause instanceof Error ? cause.message : String(cause),
    cause,
  });
}
