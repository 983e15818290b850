/** The child processes with one version of the model; one that is lost is replaced, and what it was at is computed by another. */
import type { Answer } from './child.js';
import { Child, ChildLost } from './child.js';
import type { Work, WorkerSetting } from './messages.js';

/** How often one work may lose its process: what kills every process must not do so for ever. */
const attempts = 2;
/** Between starts of a process that does not start, in milliseconds: doubled each time up to the second. */
const [firstPause, longestPause] = [100, 5000];

export interface PoolEvents {
  /** A process is free. */
  readonly onFree: () => void;
  /** A process ended unasked, and is replaced. @param how it ended */
  readonly onLost: (how: string) => void;
  /** A process to replace it could not be started; that is tried again. */
  readonly onFailed: (error: unknown) => void;
}

let works = 0;

export class Pool {
  private readonly children = new Set<Child>();
  private readonly idle: Child[] = [];
  /** Works that lost their process and wait for another; they go first. */
  private readonly waiting: ((child: Child) => void)[] = [];
  private closing = false;
  private running = 0;
  private whenDone: (() => void) | undefined;

  private constructor(
    private readonly setting: WorkerSetting,
    private readonly events: PoolEvents,
    /** How long one work may take, in milliseconds. */
    private readonly limit: number,
  ) {}

  /** @throws EngineError where the model cannot be loaded */
  static async start(setting: WorkerSetting, size: number, limit: number, events: PoolEvents): Promise<Pool> {
    const pool = new Pool(setting, events, limit);
    try {
      await Promise.all(Array.from({ length: size }, () => pool.add()));
    } catch (error) {
      await pool.close();
      throw error;
    }
    return pool;
  }

  /** Whether a process is free. */
  get free(): boolean {
    return this.idle.length > 0;
  }

  /** How many processes there are. */
  get size(): number {
    return this.children.size;
  }

  /** Computes on a free process. @throws ChildLost where it lost its process each time */
  async run(images: readonly Uint8Array[], options: Work['options']): Promise<Answer> {
    this.running++;
    try {
      for (let attempt = 1; ; attempt++) {
        const child = this.idle.pop() ?? (await new Promise<Child>(resolve => this.waiting.push(resolve)));
        try {
          const answer = await child.run({ id: works++, images, options }, this.limit);
          this.release(child);
          return answer;
        } catch (error) {
          if (!(error instanceof ChildLost) || attempt === attempts) throw error;
        }
      }
    } finally {
      this.running--;
      if (this.running === 0) this.whenDone?.();
    }
  }

  /** Ends the processes once they have done what they are at. */
  async close(): Promise<void> {
    if (this.running > 0) await new Promise<void>(resolve => (this.whenDone = resolve));
    this.closing = true;
    for (const child of this.children) child.stop();
    this.children.clear();
  }

  private release(child: Child): void {
    const next = this.waiting.shift();
    if (next) next(child);
    else {
      this.idle.push(child);
      this.events.onFree();
    }
  }

  private async add(): Promise<void> {
    const child = await Child.start(this.setting, (lost, how) => this.lose(lost, how));
    this.children.add(child);
    if (this.closing) child.stop();
    else this.release(child);
  }

  private lose(lost: Child, how: string): void {
    this.children.delete(lost);
    const place = this.idle.indexOf(lost);
    if (place >= 0) this.idle.splice(place, 1);
    if (this.closing) return;
    this.events.onLost(how);
    void this.replace(firstPause);
  }

  private async replace(pause: number): Promise<void> {
    try {
      await this.add();
    } catch (error) {
      if (this.closing) return;
      this.events.onFailed(error);
      setTimeout(() => void this.replace(Math.min(longestPause, 2 * pause)), pause).unref();
    }
  }
}
