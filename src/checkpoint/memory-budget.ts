/** How much memory reading a file may take: a file from elsewhere may ask for far more than it holds. */
import { CheckpointError } from '../errors/index.js';

/** What JavaScript's objects may take where a file is small. */
const allowance = 16 * 2 ** 20;

export class MemoryBudget {
  readonly #limit: number;
  #taken = 0;

  /** Twice the file's size, as float16 needs when it becomes float32, and 16 MiB. */
  constructor(readonly fileBytes: number) {
    this.#limit = 2 * fileBytes + allowance;
  }

  /**
   * Asks for `bytes`, before they are allocated.
   *
   * @throws CheckpointError where this would exceed the budget
   */
  take(bytes: number): void {
    this.#taken += bytes;
    if (this.#taken <= this.#limit) return;
    throw new CheckpointError({
      problem: 'it would take far more memory than its size',
      given: `a file of ${this.fileBytes} bytes, whose content takes at least ${this.#taken} bytes`,
      allowed: `twice the size of the file and 16 MiB: ${this.#limit} bytes`,
    });
  }

  /**
   * What `action` returns, while which `bytes` are taken.
   *
   * @throws CheckpointError where this would exceed the budget
   */
  lend<T>(bytes: number, action: () => T): T {
    this.take(bytes);
    try {
      return action();
    } finally {
      this.#taken -= bytes;
    }
  }
}
