/** Keeps a thread from being ended while it is within ONNX Runtime, whose binding would then abort the process. */

/** The longest that an end is kept waiting, in milliseconds. */
const patience = 10_000;

/** One for both threads, which share its memory. */
export class Guard {
  /** Whether nothing more may begin; how much is under way. */
  readonly #shared: Int32Array;

  constructor(readonly memory: SharedArrayBuffer = new SharedArrayBuffer(8)) {
    this.#shared = new Int32Array(memory);
  }

  /** @throws Error where the thread is to end */
  async during<Result>(work: () => Promise<Result> | Result): Promise<Result> {
    Atomics.add(this.#shared, 1, 1);
    try {
      if (Atomics.load(this.#shared, 0) !== 0) throw new Error('the thread is to end');
      return await work();
    } finally {
      Atomics.sub(this.#shared, 1, 1);
      Atomics.notify(this.#shared, 1);
    }
  }

  /** Lets nothing more begin, and waits for what is under way without giving way to anything else: for when the process ends. */
  close(): void {
    Atomics.store(this.#shared, 0, 1);
    const until = performance.now() + patience;
    for (;;) {
      const under = Atomics.load(this.#shared, 1);
      const left = until - performance.now();
      if (under === 0 || left <= 0) return;
      Atomics.wait(this.#shared, 1, under, left);
    }
  }
}
