/** How long a training step waits for its batch: the real loader and the real trainer, as in the training loop. */
import { TrainConfig } from '../training/config.js';
import { presets } from '../training/presets.js';
import { batches } from '../src/data/loader.js';
import { openData } from '../src/data/open.js';
import { createTrainer, preset } from './subject.js';

/** Share of the time that may be spent waiting. */
const target = 0.05;

/** What is trained, and for how many steps. */
export interface Trained {
  readonly name: string;
  readonly stage: 'stage1' | 'static';
  readonly config: TrainConfig;
  /** Before the clock: the first compiles, and finds the batches that are prepared ahead. */
  readonly warmUp: number;
  /** On the clock. */
  readonly steps: number;
}

/** Stage 1 of a preset. */
export function ofPreset(name: string): Trained {
  return { name, stage: 'stage1', config: preset(name), warmUp: 5, steps: 100 };
}

/** The static ResNet-50 on the whole image, 224 pixels, with a folder of image files. A step takes seconds. */
export function resnet50(folder: string): Trained {
  const config = { ...presets['gfnet-resnet50-96-t5'], data: { kind: 'folder', folder }, batchSize: 32 };
  return {
    name: 'JPEG files, ResNet-50',
    stage: 'static',
    config: TrainConfig.parse(config),
    warmUp: 2,
    steps: 10,
  };
}

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

export async function measureWaiting({ name, stage, config, warmUp, steps }: Trained): Promise<Waiting> {
  const { batchSize, data } = config;
  const splits = openData(data);
  const { train } = splits;
  const trainer = createTrainer(stage, config, splits);
  // Small sets come again and again.
  const order = Int32Array.from({ length: (warmUp + steps) * batchSize }, (_, i) => i % train.size);
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
  await splits.close?.();
  const share = waiting / (waiting + training);
  return {
    data: name,
    waiting: waiting / step,
    training: training / step,
    share,
    target,
    met: share < target,
  };
}
