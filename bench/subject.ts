/** What is measured: the network and the trainers of a configuration, as `gfnet train` makes them. */
import { join } from 'node:path';
import { TrainConfig } from '../training/config.js';
import { classifierTrainer } from '../training/classifier-trainer.js';
import { policyTrainer } from '../training/policy-trainer.js';
import { presets } from '../training/presets.js';
import { modelConfig } from '../training/run-stage.js';
import { staticTrainer } from '../training/static-trainer.js';
import type { Trainer } from '../training/trainer.js';
import type { Batch } from '../src/data/loader.js';
import type { Splits } from '../src/data/dataset.js';
import { StaticConfig } from '../src/model/config.js';
import { GFNet } from '../src/model/gfnet.js';
import { StaticNetwork } from '../src/model/static.js';
import { Runner } from '../src/model/runner.js';
import { integer, stream, uniform } from '../src/random/index.js';
import type { Ours } from './speed.js';

export const stages = ['stage1', 'stage2', 'stage3'] as const;
export type Stage = (typeof stages)[number];

/** Of everything random here. */
export const seed = 1;

/** A packaged model that the preset of its name made, and its folder. */
export const packaged = {
  preset: 'cluttered-60',
  folder: join(import.meta.dirname, '../../checkpoints/cluttered-60'),
};

/** @throws ZodError when there is no preset of that name */
export function preset(name: string): TrainConfig {
  return TrainConfig.parse(presets[name]);
}

/** The stage's own trainer, on a network with its initial values. */
export function createTrainer(stage: Stage | 'static', config: TrainConfig, splits: Splits): Trainer {
  const model = modelConfig(config, splits);
  if (stage === 'static') {
    const network = new StaticNetwork(StaticConfig.parse({ ...model, input: config.static.input }));
    return staticTrainer(network, { ...network.initialise(stream(seed, 'initialise')), seed }, config.static);
  }
  const gfnet = new GFNet(model);
  const parts = { gfnet, ...gfnet.initialise(stream(seed, 'initialise')), seed };
  return stage === 'stage2'
    ? policyTrainer(parts, config.stage2)
    : classifierTrainer(stage, parts, config[stage]);
}

interface Pixels {
  readonly side: number;
  readonly channels: number;
  readonly classes: readonly string[];
}

/** Images of noise, and any labels. */
function randomBatch(size: number, { side, channels, classes }: Pixels): Batch {
  const random = stream(seed, 'batch');
  return {
    images: uniform(random, size * side * side * channels),
    labels: Int32Array.from({ length: size }, () => integer(random, classes.length)),
    indices: Int32Array.from({ length: size }, (_, i) => i),
    size,
  };
}

/** The real trainer, or the real runner taking all steps, on one batch of so many images again and again. */
export function oursOf(trainer: Trainer, size: number, inference: boolean): Ours {
  const batch = randomBatch(size, trainer.model);
  const runner = new Runner(trainer.model);
  return {
    step(index) {
      if (inference) Array.from(runner.run(batch.images, []));
      else trainer.train(batch, { epoch: 0, step: index, steps: Infinity });
    },
    dispose() {
      runner.dispose();
      trainer.dispose();
    },
  };
}
