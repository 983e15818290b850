import { describe, expect, it } from 'vitest';
import type { MemoryLimit } from '../../src/engine/compile.js';
import { canCompile, startEngine } from '../../src/engine/start.js';
import { GFNet } from '../../src/model/gfnet.js';
import { ModelConfig } from '../../src/model/config.js';
import { stream, uniform } from '../../src/random/index.js';
import { classifierTrainer } from '../../training/classifier-trainer.js';
import { TrainConfig } from '../../training/config.js';
import { tiny } from './support.js';

startEngine();

const [side, size] = [96, 16];
const network = {
  ...tiny.network,
  patch: 96,
  steps: 4,
  encoder: { name: 'small', widths: [16, 24, 32], stem: 1 },
};
const { stage1 } = TrainConfig.parse({
  ...tiny,
  network,
  stage1: { epochs: 4, encoderRate: 0.05, classifierRate: 0.05, ema: 0.9, maxNorm: 1 },
});
const model = ModelConfig.parse({ ...network, side, channels: 3, classes: ['a', 'b', 'c'] });

interface Trained {
  /** Every tensor after two steps, bit for bit. */
  readonly tensors: ReadonlyMap<string, string>;
  readonly losses: readonly number[];
  /** What was told of memory, [all, less]. */
  readonly told: readonly (readonly [number, number])[];
}

function train(free: () => number): Trained {
  const gfnet = new GFNet(model);
  const { variables, costs } = gfnet.initialise(stream(1, 'initialise'));
  const told: [number, number][] = [];
  const memory: MemoryLimit = { free, onRecompute: (all, less) => void told.push([all, less]) };
  const trainer = classifierTrainer(
    'stage1',
    { gfnet, costs, variables, seed: 1, compiling: { memory } },
    stage1,
  );
  const losses: number[] = [];
  for (let step = 0; step < 2; step++) {
    const images = uniform(stream(1, 'images', step), size * side * side * 3);
    const labels = Int32Array.from({ length: size }, (_, i) => i % 3);
    const indices = Int32Array.from(labels.keys());
    const { loss } = trainer.train({ images, labels, indices, size }, { epoch: 0, step, steps: 2 });
    losses.push(loss);
  }
  const tensors = new Map(
    Object.entries(trainer.tensors()).map(([name, tensor]) => [
      name,
      Buffer.from(tensor.dataSync().slice().buffer).toString('base64'),
    ]),
  );
  trainer.dispose();
  return { tensors, losses, told };
}

describe.runIf(canCompile())('a training step that memory does not suffice for', () => {
  const least = train(() => 0);
  const [[all, less] = [NaN, NaN]] = least.told;
  const plenty = train(() => Infinity);

  it('is left as it is where memory suffices', () => {
    expect(plenty.told).toEqual([]);
    expect(train(() => all).told).toEqual([]);
  });

  it('computes results again, and gives the same bits', () => {
    const { told, ...trained } = train(() => 0.6 * all);
    expect(trained).toEqual({ tensors: plenty.tensors, losses: plenty.losses });
    expect(told).toEqual([[all, expect.any(Number)]]);
    expect(told[0]?.[1]).toBeLessThan(0.6 * all);
    expect(least).toEqual({ ...plenty, told: [[all, less]] });
    expect(less).toBeLessThan(0.5 * all);
  });
});
