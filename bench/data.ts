/** How long a training step waits for its batch: the real loader and the real trainer of stage 1, as in the training loop. */
import type { TrainConfig } from '../training/config.js';
import { batches, shuffled } from '../src/data/loader.js';
import { openData } from '../src/data/open.js';
import { createTrainer, seed } from './subject.js';

/** Share of the time that may be spent waiting. */
const target = 0.05;

/** Steps before the clock: the first compiles, and finds the batches that are prepared ahead. */
const warmUp = 5;

/** Steps on the clock. */
const steps = 100;

export interface Waiting {
  readonly data: string;
  /** Milliseconds a step. */
  readonly waiting: number;
  readonly training: number;
  /** waiting / (waiting + training) */
  readonly share: number;
  readonly target: number;
  readonly met: boolean;
}

export async function measureWaiting(config: TrainConfig): Promise<Waiting> {
  const { batchSize, data } = config;
  const splits = openData(data);
  const { train } = splits;
  const trainer = createTrainer('stage1', config, splits);
  const order = shuffled(train, seed, 0);
  const loader = batches(train, { order, batchSize, epoch: 0, dropLast: true });
  let [waiting, training, step] = [0, 0, -warmUp];
  let asked = performance.now();
  for await (const batch of loader) {
    const given = performance.now();
    trainer.train(batch, { epoch: 0, step: step + warmUp, steps: Math.floor(train.size / batchSize) });
    const trained = performance.now();
    if (step >= 0) {
      waiting += given - asked;
      training += trained - given;
    }
    if (++step === steps) break;
    asked = performance.now();
  }
  trainer.dispose();
  const share = waiting / (waiting + training);
  return {
    data: train.name,
    waiting: waiting / step,
    training: training / step,
    share,
    target,
    met: share < target,
  };
}
