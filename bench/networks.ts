/** Published networks as classifiers of ImageNet, trained and run, as contests with timm's in PyTorch. */
import { staticTrainer } from '../training/static-trainer.js';
import type { Precision } from '../src/engine/precision.js';
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
/** Of a training step in bfloat16 beside PyTorch's autocast. */
const bfloat16Target = 0.9;

export interface NetworkWork {
  readonly name: NetworkName;
  readonly work: 'training' | 'inference';
  /** Of the images, in pixels. */
  readonly side: number;
  readonly batch: number;
  /** Of training; PyTorch's is its autocast's. Inference is in float32. */
  readonly precision: Precision;
}

export function networkContest({ name, work, side, batch, precision }: NetworkWork): Contest {
  return {
    name: `${name} ${side} px ${work}${precision === 'float32' ? '' : ` in ${precision}`}`,
    batch,
    target: targetOf({ name, work, precision }),
    start: () => start({ name, work, side, batch, precision }),
    peer: { program: 'bench_network.py', options: { network: name, work, side, precision } },
  };
}

function targetOf({ name, work, precision }: Pick<NetworkWork, 'name' | 'work' | 'precision'>): number {
  if (work === 'inference') return inferenceTarget;
  return precision === 'bfloat16' ? bfloat16Target : trainingTargets[name];
}

function start({ name, work, side, batch, precision }: NetworkWork): Ours {
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
  const trainer = staticTrainer(
    network,
    { ...network.initialise(stream(seed, 'initialise')), seed, compiling: { precision } },
    config,
  );
  return oursOf(trainer, batch, work === 'inference');
}
