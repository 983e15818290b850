/** Time of our work beside PyTorch's, in alternation: noise of the machine hits both alike. */
import { spread } from '../src/model/spread.js';
import type { Spread } from '../src/model/spread.js';
import { Peer } from './peer.js';
import type { PeerWork, StartedPeer, Variant } from './peer.js';

/** Work that both sides do. */
export interface Contest {
  readonly name: string;
  /** Images a step. */
  readonly batch: number;
  /** Most of PyTorch's time that ours may be. */
  readonly target: number | null;
  /** Our side, ready to be timed. */
  start(): Ours;
  readonly peer: PeerWork;
}

export interface Ours {
  step(index: number): void;
  dispose(): void;
}

export interface SpeedOptions {
  readonly threads: number;
  readonly rounds: number;
  /** Length of a turn; at least one step. */
  readonly seconds: number;
  /** PyTorch's Python; no comparison without it. */
  readonly python: string | undefined;
  /** Whether torch.compile stands beside eager PyTorch. */
  readonly compile: boolean;
  readonly report: (message: string) => void;
}

interface Comparison {
  readonly variant: string;
  readonly version: string;
  /** Milliseconds per image: median of the rounds. */
  readonly milliseconds: number;
  /** Our time over PyTorch's, of the rounds. */
  readonly ratio: Spread;
  readonly target: number | null;
  readonly met: boolean | null;
}

export interface Speed {
  readonly name: string;
  readonly batch: number;
  /** Milliseconds per image: median of the rounds. */
  readonly milliseconds: number;
  /** Beside the variant of PyTorch that was fastest; null without PyTorch. */
  readonly pytorch: Comparison | null;
}

/** One side of the comparison. */
interface Runnable {
  /** Seconds that so many steps took. */
  run(steps: number): number | Promise<number>;
}

/** Steps before the clock: the first compiles, the second finds its memory. */
const warmUp = 2;

export async function measureSpeed(contest: Contest, options: SpeedOptions): Promise<Speed> {
  const { name, batch } = contest;
  const { rounds, seconds, report } = options;
  report(`${name}: compiles`);
  const started = contest.start();
  const ours = timed(started);
  ours.run(warmUp);
  const steps = Math.max(1, Math.round(seconds / ours.run(1)));
  const peers: StartedPeer[] = [];
  const times: number[][] = [];
  try {
    for await (const peer of startPeers(contest, options)) peers.push(peer);
    const sides: Runnable[] = [ours, ...peers.map(({ peer }) => peer)];
    times.push(...sides.map(() => []));
    for (let round = 0; round < rounds; round++) {
      report(`${name}: round ${round + 1} of ${rounds}, ${steps} steps a turn`);
      // Backwards in every second round, so that a drift of the machine favours nobody.
      const turns = [...sides.entries()];
      for (const [i, side] of round % 2 === 0 ? turns : turns.toReversed()) {
        times[i]?.push((1000 * (await side.run(steps))) / (steps * batch));
      }
    }
  } finally {
    started.dispose();
    await Promise.all(peers.map(({ peer }) => peer.close()));
  }
  const [own = [], ...others] = times;
  const compared = peers.map(({ variant, version }, i) =>
    compare(contest, variant, version, own, others[i] ?? []),
  );
  const [fastest = null] = compared.toSorted((a, b) => a.milliseconds - b.milliseconds);
  return { name, batch, milliseconds: spread(own).median, pytorch: fastest };
}

function compare(
  { target }: Contest,
  { memoryFormat, compiled }: Variant,
  version: string,
  own: readonly number[],
  other: readonly number[],
): Comparison {
  const ratio = spread(own.map((time, round) => time / (other[round] ?? NaN)));
  return {
    variant: compiled ? `${memoryFormat}, compiled` : memoryFormat,
    version,
    milliseconds: spread(other).median,
    ratio,
    target,
    met: target === null ? null : ratio.median <= target,
  };
}

function timed(ours: Ours): { run: (steps: number) => number } {
  let done = 0;
  return {
    run(steps) {
      const start = performance.now();
      for (let i = 0; i < steps; i++) ours.step(done++);
      return (performance.now() - start) / 1000;
    },
  };
}

async function* startPeers(
  { name, batch, peer: { program, options } }: Contest,
  { threads, python, compile, report }: SpeedOptions,
): AsyncGenerator<StartedPeer> {
  if (python === undefined) return;
  for (const compiled of compile ? [false, true] : [false]) {
    for (const memoryFormat of ['nchw', 'nhwc'] as const) {
      report(`${name}: PyTorch ${memoryFormat}${compiled ? ' compiles' : ' starts'}`);
      yield await Peer.start(
        python,
        { memoryFormat, compiled },
        { program, options: { ...options, batch, threads } },
      );
    }
  }
}
