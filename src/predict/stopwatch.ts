/** How long steps have taken so far, for those who must answer in time. */

/** Weight of the latest measurement: the first, in which an engine warms up, is soon forgotten. */
const latest = 0.3;

export class Stopwatch {
  /** Of each network: mean milliseconds by how many rows it took. */
  readonly #times = new Map<unknown, Map<number, number>>();

  /**
   * @param networks what takes each step, see `StepRunner`
   * @param multiAdds of each step
   */
  constructor(
    private readonly networks: readonly unknown[],
    private readonly multiAdds: readonly number[],
  ) {}

  note(network: unknown, rows: number, milliseconds: number): void {
    const times = this.#times.get(network) ?? new Map<number, number>();
    const before = times.get(rows) ?? milliseconds;
    times.set(rows, before + latest * (milliseconds - before));
    this.#times.set(network, times);
  }

  /** Milliseconds that a step (from 0) will take with so many rows; of one that was never taken, by what the first costs. */
  expected(step: number, rows: number): number {
    const own = this.#of(this.networks[step], rows);
    if (own !== undefined) return own;
    const ratio = (this.multiAdds[step] ?? 0) / (this.multiAdds[0] ?? 1);
    return (this.#of(this.networks[0], rows) ?? 0) * ratio;
  }

  /** As long as the next wider batch took, or longer than the widest in proportion. */
  #of(network: unknown, rows: number): number | undefined {
    const times = [...(this.#times.get(network) ?? [])].sort(([a], [b]) => a - b);
    const [, wider] = times.find(([width]) => width >= rows) ?? [];
    const [width, widest] = times.at(-1) ?? [];
    return wider ?? (width === undefined || widest === undefined ? undefined : (widest * rows) / width);
  }
}
