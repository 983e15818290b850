/** Threads that take the steps of streams, each with networks of its own: several batches are worked on at the same time. */
import type { Lane, Lanes, StreamOptions } from './conveyor.js';
import { Fleet } from './fleet.js';
import type { WorkerSetting } from './orders.js';
import { streamProgram, StreamThread } from './stream-thread.js';

export class StreamWorkers implements Lanes {
  #threads: readonly StreamThread[] = [];

  /**
   * @param count of threads, started with the first stream
   * @param program what they run
   */
  constructor(
    private readonly setting: Omit<WorkerSetting, 'guard'>,
    private readonly count: number,
    private readonly imageSize: number,
    private readonly program = streamProgram,
  ) {}

  begin(options: StreamOptions, goOn: () => void): Lane {
    // Another in the place of each that ended.
    this.#threads = Array.from({ length: this.count }, (_, i) => {
      const thread = this.#threads[i];
      return thread && !thread.hasEnded ? thread : new StreamThread(this.program, this.setting);
    });
    return new Fleet(this.#threads, { ...options, imageSize: this.imageSize, goOn });
  }

  /** Ends the threads; streams that need them fail. */
  async dispose(): Promise<void> {
    await Promise.all(this.#threads.map(thread => thread.end()));
  }
}
