/** Until when a request must be answered: counted from its arrival, so that the time its body takes is part of it. */
export class Deadline {
  private readonly controller = new AbortController();
  private readonly until: number;
  private readonly timer: NodeJS.Timeout;

  /** @param onPassed called once the milliseconds have passed, unless it has ended before */
  constructor(milliseconds: number, onPassed: () => void) {
    this.until = performance.now() + milliseconds;
    this.timer = setTimeout(() => {
      onPassed();
      this.end();
    }, milliseconds);
  }

  /** Aborted when nobody waits for the answer any longer. */
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** Milliseconds. */
  get left(): number {
    return this.until - performance.now();
  }

  /** The request is answered, or its client gone. */
  end(): void {
    clearTimeout(this.timer);
    this.controller.abort();
  }
}
