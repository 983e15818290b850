/** PyTorch at the same work: a child process that does as many steps as it is told and answers with the time they took. */
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { z } from 'zod';
import { GFNetError } from '../src/errors/index.js';
import { defaultPlace } from '../src/engine/setup/place.js';

/** PyTorch cannot be set up, or stopped in the midst of its work. */
class PeerError extends GFNetError {}

/** How PyTorch lays out its images, and whether torch.compile is used. */
export interface Variant {
  readonly memoryFormat: 'nchw' | 'nhwc';
  readonly compiled: boolean;
}

/** What PyTorch is told to do. */
export interface PeerWork {
  /** A program of bench/pytorch. */
  readonly program: 'bench_gfnet.py' | 'bench_network.py' | 'bench_loader.py';
  /** Its options, as `--help` of it lists them. */
  readonly options: Readonly<Record<string, string | number | readonly number[]>>;
}

const Ready = z.object({ ready: z.object({ torch: z.string() }) });
const Answer = z.object({ seconds: z.number() });

const folder = join(defaultPlace().root, 'bench', 'pytorch');
const mend = 'see bench/pytorch/README.md, or measure without it: --no-pytorch';

/**
 * Makes the virtual environment unless that has been done; its progress goes to stderr.
 * @returns the path of its Python
 * @throws PeerError
 */
export function setUpPyTorch(): string {
  try {
    const output = execFileSync(join(folder, 'setup.sh'), {
      stdio: ['ignore', 'pipe', 'inherit'],
      encoding: 'utf8',
    });
    return output.trim();
  } catch (cause) {
    throw new PeerError({ problem: 'PyTorch cannot be set up', mend, cause });
  }
}

export interface StartedPeer {
  readonly peer: Peer;
  readonly variant: Variant;
  /** PyTorch's. */
  readonly version: string;
}

export class Peer {
  private constructor(
    private readonly child: ChildProcessByStdio<Writable, Readable, null>,
    private readonly lines: AsyncIterator<string>,
  ) {}

  /**
   * Starts PyTorch, and returns once it is warm.
   * @throws PeerError
   */
  static async start(python: string, variant: Variant, work: PeerWork): Promise<StartedPeer> {
    const { memoryFormat, compiled } = variant;
    const options = { ...work.options, 'memory-format': memoryFormat };
    const started = await Peer.serve(python, { ...work, options }, compiled ? ['--compile'] : []);
    return { ...started, variant };
  }

  /**
   * Starts a program as its options alone say.
   * @throws PeerError
   */
  static async serve(
    python: string,
    { program, options }: PeerWork,
    flags: readonly string[] = [],
  ): Promise<Omit<StartedPeer, 'variant'>> {
    const valued = Object.entries(options).flatMap(([name, value]) => [
      `--${name}`,
      ...[value].flat().map(String),
    ]);
    const child = spawn(python, [join(folder, program), ...valued, ...flags], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    // A child that is gone is noticed by the answer that is missing.
    child.on('error', () => undefined);
    child.stdin.on('error', () => undefined);
    const peer = new Peer(child, createInterface({ input: child.stdout })[Symbol.asyncIterator]());
    try {
      const { ready } = Ready.parse(await peer.answer());
      return { peer, version: ready.torch };
    } catch (error) {
      child.kill();
      throw error;
    }
  }

  /**
   * Seconds that so many steps took.
   * @throws PeerError when the child has ended
   */
  async run(steps: number): Promise<number> {
    this.child.stdin.write(`run ${steps}\n`);
    return Answer.parse(await this.answer()).seconds;
  }

  async close(): Promise<void> {
    const { child } = this;
    child.stdin.end();
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }

  private async answer(): Promise<unknown> {
    const line = await this.lines.next();
    if (!line.done) return JSON.parse(line.value);
    throw new PeerError({ problem: 'PyTorch stopped; what it said stands above', mend });
  }
}
