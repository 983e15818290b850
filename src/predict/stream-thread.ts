/** A thread that takes the steps of streams, seen from the one that orders them. */
import type { MessagePort } from 'node:worker_threads';
import { MessageChannel, Worker } from 'node:worker_threads';
import { EngineError } from '../errors/index.js';
import type { StreamOptions } from './conveyor.js';
import { Guard } from './guard.js';
import type { Message, WorkerSetting } from './orders.js';

/** Beside this file; where the TypeScript itself runs, in tests, what was compiled of it. */
export const streamProgram = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/src/predict/stream-worker.js' : 'stream-worker.js',
  import.meta.url,
);

/** Those that run. */
const running = new Set<StreamThread>();

process.on('exit', () => {
  for (const thread of running) thread.stop();
});

export class StreamThread {
  readonly #worker: Worker;
  readonly #guard = new Guard();
  #holders = 0;
  hasEnded = false;
  /** Why it ended, once it has. */
  readonly ended: Promise<EngineError>;

  constructor(program: URL, setting: Omit<WorkerSetting, 'guard'>) {
    const workerData: WorkerSetting = { ...setting, guard: this.#guard.memory };
    // What Node was told of the program (`--input-type`, say) is not of this one.
    this.#worker = new Worker(program, { workerData, execArgv: [] });
    running.add(this);
    this.#worker.unref();
    let cause: unknown;
    this.#worker.on('error', error => (cause = error));
    this.ended = new Promise(resolve => {
      this.#worker.on('exit', code => {
        this.hasEnded = true;
        running.delete(this);
        resolve(
          new EngineError({
            problem: 'a thread that takes the steps of a stream ended',
            given: cause instanceof Error ? cause.message : `exit code ${code}`,
            cause,
          }),
        );
      });
    });
  }

  /** The port that a stream goes through; closed when it ends. */
  begin(options: StreamOptions): MessagePort {
    const { port1, port2 } = new MessageChannel();
    this.#tell({ port: port2, options }, [port2]);
    return port1;
  }

  /** The process must not end before what was ordered is done. */
  hold(): void {
    if (this.#holders++ === 0) this.#worker.ref();
  }

  release(): void {
    if (--this.#holders === 0) this.#worker.unref();
  }

  /** Once it has taken the step that it is at. */
  async end(): Promise<void> {
    if (this.hasEnded) return;
    this.hold();
    this.#tell('end');
    await this.ended;
  }

  /** The same at once: it waits for that step. */
  stop(): void {
    this.#guard.close();
  }

  #tell(message: Message, transferred: MessagePort[] = []): void {
    this.#worker.postMessage(message, transferred);
  }
}
