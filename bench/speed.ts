/** Time of each stage's step and of inference beside PyTorch's, in alternation: noise of the machine hits both alike. */
import type { TrainConfig } from '../training/config.js';
import type { Splits } from '../src/data/dataset.js';
import { openData } from '../src/data/open.js';
import { SmallConfig } from '../src/encoders/small.js';
import { Runner } from '../src/model/runner.js';
import { Peer } from './peer.js';
import type { StartedPeer, Variant } from './peer.js';
import { spread } from '../src/model/spread.js';
import type { Spread } from '../src/model/spread.js';
import { createTrainer, randomBatch } from './subject.js';
import type { Stage } from './subject.js';

export type Work = Stage | 'inference';

/** Most of PyTorch's time that ours may be. */
const targets: Readonly<Record<Work, number | null>> = {
  stage1: 0.9,
  stage2: 1,
  stage3: 0.9,
  inference: null,
};

export interface SpeedOptions {
  readonly config: TrainConfig;
  readonly threads: number;
  readonly rounds: number;
  /** Length of a turn. */
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
  readonly work: Work;
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

export async function measureSpeed(work: Work, options: SpeedOptions): Promise<Speed> {
  const { config, rounds, seconds, report } = options;
  const splits = openData(config.data);
  const ours = createOurs(work, config, splits);
  ours.run(3);
  const steps = Math.max(1, Math.round((seconds * 5) / ours.run(5)));
  const started: StartedPeer[] = [];
  const times: number[][] = [];
  try {
    for await (const peer of startPeers(work, options, splits)) started.push(peer);
    const sides: Runnable[] = [ours, ...started.map(({ peer }) => peer)];
    times.push(...sides.map(() => []));
    for (let round = 0; round < rounds; round++) {
      report(`${work}: round ${round + 1} of ${rounds}, ${steps} steps a turn`);
      // Backwards in every second round, so that a drift of the machine favours nobody.
      const turns = [...sides.entries()];
      for (const [i, side] of round % 2 === 0 ? turns : turns.toReversed()) {
        times[i]?.push((1000 * (await side.run(steps))) / (steps * config.batchSize));
      }
    }
  } finally {
    ours.dispose();
    await Promise.all(started.map(({ peer }) => peer.close()));
  }
  const [own = [], ...others] = times;
  const compared = started.map(({ peer, version }, i) =>
    compare(work, peer.variant, version, own, others[i] ?? []),
  );
  const [fastest = null] = compared.toSorted((a, b) => a.milliseconds - b.milliseconds);
  return { work, milliseconds: spread(own).median, pytorch: fastest };
}

function compare(
  work: Work,
  { memoryFormat, compiled }: Variant,
  version: string,
  own: readonly number[],
  other: readonly number[],
): Comparison {
  const ratio = spread(own.map((time, round) => time / (other[round] ?? NaN)));
  const target = targets[work];
  return {
    variant: compiled ? `${memoryFormat}, compiled` : memoryFormat,
    version,
    milliseconds: spread(other).median,
    ratio,
    target,
    met: target === null ? null : ratio.median <= target,
  };
}

/** The real trainer, or the real runner taking all steps, on one batch again and again. */
function createOurs(
  work: Work,
  config: TrainConfig,
  splits: Splits,
): { run: (steps: number) => number; dispose: () => void } {
  const batch = randomBatch(config.batchSize, splits);
  const trainer = createTrainer(work === 'inference' ? 'stage2' : work, config, splits);
  const runner = new Runner(trainer.model);
  const step = (index: number): unknown =>
    work === 'inference' ? Array.from(runner.run(batch.images, [])) : trainer.train(batch, 0, index);
  let done = 0;
  return {
    run(steps) {
      const start = performance.now();
      for (let i = 0; i < steps; i++) step(done++);
      return (performance.now() - start) / 1000;
    },
    dispose() {
      runner.dispose();
      trainer.dispose();
    },
  };
}

async function* startPeers(
  work: Work,
  { config, threads, python, compile, report }: SpeedOptions,
  { train }: Splits,
): AsyncGenerator<StartedPeer> {
  if (python === undefined) return;
  const { network, batchSize } = config;
  const { widths, stem } = SmallConfig.parse(network.encoder);
  for (const compiled of compile ? [false, true] : [false]) {
    for (const memoryFormat of ['nchw', 'nhwc'] as const) {
      report(`${work}: PyTorch ${memoryFormat}${compiled ? ' compiles' : ' starts'}`);
      yield await Peer.start(
        python,
        { memoryFormat, compiled },
        {
          stage: work.replace('stage', ''),
          batch: batchSize,
          canvas: train.shape.height,
          patch: network.patch,
          steps: network.steps,
          widths,
          stem,
          threads,
        },
      );
    }
  }
}
