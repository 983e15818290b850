/** Trains some steps with a stage's own trainer, as the loop does, and tells what became of it. */
import { openData } from '../../../src/data/open.js';
import { batches, shuffled } from '../../../src/data/loader.js';
import { workers } from '../../../src/engine/collectives.js';
import type { TrainConfigInput } from '../../../training/config.js';
import { TrainConfig } from '../../../training/config.js';
import type { BatchMetrics } from '../../../training/epoch-sums.js';
import { createTrainer, modelConfig } from '../../../training/run-stage.js';
import { shareOf } from '../../../training/shares.js';
import type { StageName } from '../../../training/trainer.js';

export interface Trial {
  readonly stage: StageName;
  readonly config: TrainConfigInput;
  readonly steps: number;
  /** Rows of each batch that this process alone learns from, where it trains alone. */
  readonly rows?: readonly [number, number];
}

export interface Outcome {
  readonly tensors: Readonly<Record<string, readonly number[]>>;
  readonly metrics: readonly BatchMetrics[];
}

const seed = 3;

export async function trainSteps({ stage, config: given, steps, rows }: Trial): Promise<Outcome> {
  const config = TrainConfig.parse(given);
  const splits = openData(config.data);
  const options = { stage, config, seed, out: '', resume: true, command: [] };
  const trainer = createTrainer(options, modelConfig(config, splits), splits);
  const { batchSize } = config;
  const metrics: BatchMetrics[] = [];
  const read = {
    order: shuffled(splits.train, seed, 0).subarray(0, steps * batchSize),
    batchSize,
    epoch: 0,
    dropLast: true,
    rows: rows ?? shareOf(batchSize),
    withBefore: trainer.mixes && workers().count > 1,
  };
  for await (const batch of batches(splits.train, read))
    metrics.push(trainer.train(batch, { epoch: 0, step: metrics.length, steps }));
  const tensors = Object.entries(trainer.tensors()).map(([name, tensor]) => [name, [...tensor.dataSync()]]);
  trainer.dispose();
  return { tensors: Object.fromEntries(tensors) as Outcome['tensors'], metrics };
}
