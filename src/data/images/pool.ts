/** Threads that decode: images are prepared while the training step computes, and are the same however many threads there are. */
import { Worker } from 'node:worker_threads';
import { jpegModule } from '../../engine/jpeg.js';
import { DataError, UsageError } from '../../errors/index.js';
import { scaled } from '../conform.js';
import type { Answer, Fault, Item, Job, WorkerSettings } from './job.js';
import { done } from './job.js';
import { nameOf } from './listing.js';
import type { Plan } from './prepare.js';
import { givesBytes } from './prepare.js';

/** Beside this file; where the TypeScript itself runs, in tests, what was compiled of it. */
const program = new URL(
  import.meta.url.endsWith('.ts') ? '../../../dist/src/data/images/worker.js' : 'worker.js',
  import.meta.url,
);

/** Of one worker: while one image is decoded another is brought into shape. */
const lanes = 2;

/** Blocks of shared memory that are kept for the next jobs. */
const keptBlocks = 4;

interface Pending {
  readonly job: Job;
  /** Answers that each worker still owes, by its number. */
  readonly owed: Map<number, number>;
  readonly faults: Fault[];
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class Pool {
  readonly #workers = new Map<number, Worker>();
  readonly #pending = new Map<number, Pending>();
  readonly #blocks: SharedArrayBuffer[] = [];
  #next = 0;
  #closed = false;

  /** @throws UsageError when there are more workers than threads for what they do */
  constructor(readonly size: number) {
    const threads = Number(process.env.UV_THREADPOOL_SIZE ?? 4);
    if (size <= threads) return;
    throw new UsageError({
      problem: 'more threads to decode images than Node has for it',
      given: `${size}`,
      allowed: `at most ${threads}`,
      mend: `set UV_THREADPOOL_SIZE=${size} in the environment`,
    });
  }

  /**
   * Prepares `items` into `images`, [n, height, width, channels]; what could not be prepared is among the faults and left as it is.
   * @throws DataError when a worker ends by itself, outside of any image
   */
  async prepare(items: readonly Item[], plan: Plan, images: Float32Array): Promise<readonly Fault[]> {
    const bytes = givesBytes(plan);
    const block = this.#takeBlock(bytes ? images.length : images.byteLength);
    const job: Job = {
      id: this.#next++,
      items,
      plan,
      pixels: bytes ? new Uint8Array(block, 0, images.length) : new Float32Array(block, 0, images.length),
      ledger: new Int32Array(new SharedArrayBuffer(4 * (1 + items.length))),
    };
    const faults = await this.#run(job);
    if (job.pixels instanceof Uint8Array) scaled(job.pixels, images);
    else images.set(job.pixels);
    if (this.#blocks.length < keptBlocks) this.#blocks.push(block);
    return faults;
  }

  /** Ends the workers; what waits for them is refused. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#fail(new DataError({ problem: 'the data set was closed while images were being read' }));
    await Promise.all([...this.#workers.values()].map(worker => worker.terminate()));
    this.#workers.clear();
  }

  #run(job: Job): Promise<readonly Fault[]> {
    return new Promise((resolve, reject) => {
      const faults: Fault[] = [];
      const owed = new Map<number, number>();
      this.#pending.set(job.id, { job, owed, faults, reject, resolve: () => resolve(faults) });
      for (let number = 1; number <= this.size; number++) this.#post(number, job, owed);
    });
  }

  #post(number: number, job: Job, owed: Map<number, number>): void {
    const worker = this.#workers.get(number) ?? this.#start(number);
    worker.ref();
    owed.set(number, lanes);
    worker.postMessage(job);
  }

  #start(number: number): Worker {
    const workerData: WorkerSettings = { number, lanes, jpeg: jpegModule() };
    const worker = new Worker(program, { workerData });
    let reason: unknown;
    this.#workers.set(number, worker);
    worker.on('message', (answer: Answer) => this.#take(number, answer));
    worker.on('error', error => (reason = error));
    worker.on('exit', code => this.#gone(number, reason ?? new Error(`exit code ${code}`)));
    return worker;
  }

  #take(number: number, { id, faults }: Answer): void {
    const pending = this.#pending.get(id);
    if (!pending) return;
    pending.faults.push(...faults);
    pending.owed.set(number, (pending.owed.get(number) ?? 0) - 1);
    if ([...pending.owed.values()].some(count => count > 0)) return;
    this.#pending.delete(id);
    pending.job.items.forEach((item, place) => {
      if (Atomics.load(pending.job.ledger, 1 + place) === done) return;
      pending.faults.push(lost(item, place));
    });
    // Nothing to wait for: the process may end.
    if (this.#pending.size === 0) for (const worker of this.#workers.values()) worker.unref();
    pending.resolve();
  }

  /** Another takes its place; the images that it was at are faults. One that ended at no image would only end again. */
  #gone(number: number, cause: unknown): void {
    if (this.#closed) return;
    this.#workers.delete(number);
    const pending = [...this.#pending.values()];
    if (!pending.some(({ job }) => job.ledger.includes(number, 1))) {
      const given = cause instanceof Error ? cause.message : String(cause);
      this.#fail(new DataError({ problem: 'a thread that decodes images ended', given, cause }));
    }
    for (const { job, faults } of pending) {
      job.items.forEach((item, place) => {
        if (Atomics.compareExchange(job.ledger, 1 + place, number, done) === number) {
          faults.push(lost(item, place));
        }
      });
    }
    for (const { job, owed } of this.#pending.values()) {
      if ((owed.get(number) ?? 0) > 0) this.#post(number, job, owed);
    }
  }

  #fail(error: Error): void {
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }

  #takeBlock(bytes: number): SharedArrayBuffer {
    const fitting = this.#blocks.findIndex(block => block.byteLength >= bytes);
    const [block] = fitting < 0 ? [] : this.#blocks.splice(fitting, 1);
    return block ?? new SharedArrayBuffer(bytes);
  }
}

function lost({ source }: Item, place: number): Fault {
  return {
    place,
    explanation: { problem: 'the thread that decoded the image ended', given: nameOf(source) },
  };
}
