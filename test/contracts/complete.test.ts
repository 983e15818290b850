import { expect, it, vi } from 'vitest';
import { backend, startEngine } from '../../src/engine/start.js';
import { disposeTree, tidyTree } from '../../src/engine/tensor-tree.js';
import { openData } from '../../src/data/open.js';
import { batches } from '../../src/data/loader.js';
import type { TrainConfigInput } from '../../training/config.js';
import { TrainConfig } from '../../training/config.js';
import { createTrainer, modelConfig } from '../../training/run-stage.js';
import type { StageName } from '../../training/trainer.js';
import { tiny } from '../training/support.js';
import { argumentsOf, stepOf } from './contract.js';
import { rows } from './rows.js';

startEngine();

type Execute = (op: string, ...rest: unknown[]) => unknown;

/** The operations of TensorFlow that are executed, or recorded for a compiled step. */
async function operationsOf(work: () => unknown): Promise<Set<string>> {
  const engine = backend() as unknown as Record<'executeSingleOutput' | 'executeMultipleOutputs', Execute>;
  const calls = [vi.spyOn(engine, 'executeSingleOutput'), vi.spyOn(engine, 'executeMultipleOutputs')];
  await work();
  const names = calls.flatMap(({ mock }) => mock.calls.map(([op]) => op));
  vi.restoreAllMocks();
  // Compiled steps, and how many threads they have, compute nothing of their own.
  return new Set(names.filter(name => !/^gfnet_step|^GfnetThreads$/.test(name)));
}

/** A batch of each stage, in configurations that together take every part of training. */
const trained: readonly [StageName, TrainConfigInput][] = [
  ['stage1', tiny],
  ['stage2', tiny],
  ['stage3', tiny],
  ['static', tiny],
  [
    'stage1',
    { ...tiny, network: { ...tiny.network, classifier: { kind: 'cascade' }, interpolation: 'bicubic' } },
  ],
  [
    'stage1',
    {
      ...tiny,
      stage1: {
        ...tiny.stage1,
        accumulate: 2,
        ema: 0.9,
        labelSmoothing: 0.1,
        mixup: 0.2,
        cutmix: 1,
        maxNorm: 1,
      },
    },
  ],
];

async function trainBatch(stage: StageName, given: TrainConfigInput): Promise<void> {
  const config = TrainConfig.parse(given);
  const splits = openData(config.data);
  const options = { stage, config, seed: 1, out: '', from: undefined, resume: true, command: [] };
  const trainer = createTrainer(options, modelConfig(config, splits), splits);
  const order = Int32Array.from({ length: config.batchSize }, (_, i) => i);
  const read = { order, batchSize: config.batchSize, epoch: 0, dropLast: true };
  for await (const batch of batches(splits.train, read))
    trainer.train(batch, { epoch: 0, step: 0, steps: 1 });
  trainer.dispose();
}

it('every operation that training takes has a contract', async () => {
  const held = await operationsOf(() => {
    for (const row of rows) disposeTree(tidyTree(() => stepOf(row)(...argumentsOf(row))));
  });
  const taken = await operationsOf(async () => {
    for (const [stage, config] of trained) await trainBatch(stage, config);
  });
  expect([...taken].filter(op => !held.has(op))).toEqual([]);
}, 300_000);
