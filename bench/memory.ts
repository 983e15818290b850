/** Whether training leaks: tensors and resident memory over thousands of steps of each stage, fed by the real loader. */
import * as tf from '@tensorflow/tfjs-core';
import { TrainConfig } from '../training/config.js';
import { batches, shuffled } from '../src/data/loader.js';
import { openData } from '../src/data/open.js';
import { createTrainer, preset, seed } from './subject.js';
import type { Stage } from './subject.js';

/** Most that resident memory may grow in the second half, in MiB: what 33 kB a step would reach in 1,000 steps. */
const limit = 32;

/** Steps before the first reading. */
const warmUp = 20;

/** A network small enough for thousands of steps in seconds: what leaks does so at any size. */
function smallConfig(): TrainConfig {
  const { data, network, ...rest } = preset('cluttered-60');
  return TrainConfig.parse({
    ...rest,
    data,
    network: {
      ...network,
      patch: 12,
      encoder: { name: 'small', widths: [4, 8] },
      classifier: { kind: 'gru', hidden: 16 },
      policy: { hidden: 16 },
    },
    batchSize: 16,
  });
}

interface Reading {
  readonly tensors: number;
  /** MiB */
  readonly resident: number;
}

export interface Flatness {
  readonly stage: Stage;
  readonly steps: number;
  readonly start: Reading;
  readonly middle: Reading;
  readonly end: Reading;
  readonly limit: number;
  readonly met: boolean;
}

/** Needs `node --expose-gc`: garbage that JavaScript has not collected yet is no leak. */
function read(): Reading {
  globalThis.gc?.();
  return { tensors: tf.memory().numTensors, resident: process.memoryUsage.rss() / 2 ** 20 };
}

export async function measureMemory(stage: Stage, steps: number): Promise<Flatness> {
  const config = smallConfig();
  const splits = openData(config.data);
  const trainer = createTrainer(stage, config, splits);
  const readings = new Map<number, Reading>();
  const middleStep = warmUp + Math.floor(steps / 2);
  const last = warmUp + steps;
  let step = 0;
  for (let epoch = 0; step < last; epoch++) {
    const order = shuffled(splits.train, seed, epoch);
    const loader = batches(splits.train, { order, batchSize: config.batchSize, epoch, dropLast: true });
    for await (const batch of loader) {
      trainer.train(batch, { epoch, step: step++, steps });
      if ([warmUp, middleStep, last].includes(step)) readings.set(step, read());
      if (step === last) break;
    }
  }
  trainer.dispose();
  const [start, middle, end] = [...readings.values()] as [Reading, Reading, Reading];
  return {
    stage,
    steps,
    start,
    middle,
    end,
    limit,
    met:
      start.tensors === middle.tensors &&
      middle.tensors === end.tensors &&
      end.resident - middle.resident <= limit,
  };
}
