/** Published networks as classifiers of ImageNet, trained and run, as contests with timm's in PyTorch. */
import { staticTrainer } from '../training/static-trainer.js';
import { StaticConfig } from '../src/model/config.js';
import { StaticNetwork } from '../src/model/static.js';
import { stream } from '../src/random/index.js';
import type { Contest, Ours } from './speed.js';
import { oursOf, preset, seed } from './subject.js';

/** Most of PyTorch's time that a training step may take. */
const trainingTargets = {
  resnet50: 0.85,
  mobilenetv3_large_100: 0.85,
  regnety_600m: 1,
  efficientnet_b2: 1,
  densenet121: 1,
} as const;
export type NetworkName = keyof typeof trainingTargets;
export const networkNames = Object.keys(trainingTargets) as NetworkName[];

const inferenceTarget = 1;

export interface NetworkWork {
  readonly name: NetworkName;
  readonly work: 'training' | 'inference';
  /** Of the images, in pixels. */
  readonly side: number;
  readonly batch: number;
}

export function networkContest({ name, work, side, batch }: NetworkWork): Contest {
  return {
    name: `${name} ${side} px ${work}`,
    batch,
    target: work === 'training' ? trainingTargets[name] : inferenceTarget,
    start: () => start({ name, work, side, batch }),
    peer: { program: 'bench_network.py', options: { network: name, work, side } },
  };
}

function start({ name, work, side, batch }: NetworkWork): Ours {
  const network = new StaticNetwork(
    StaticConfig.parse({
      input: side,
      side,
      channels: 3,
      classes: Array.from({ length: 1000 }, (_, i) => String(i)),
      encoder: { name },
    }),
  );
  const config = { ...preset('cluttered-60').static, input: side };
  const trainer = staticTrainer(network, { ...network.initialise(stream(seed, 'initialise')), seed }, config);
  return oursOf(trainer, batch, work === 'inference');
}
