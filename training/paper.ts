/**
 * The paper's configurations, by name: networks and hyperparameters of the reference's released models (METHOD "Networks", "Training").
 * They say nothing of data, which a configuration file adds.
 */
import type { z } from 'zod';
import type { EncoderConfig } from '../src/encoders/registry.js';
import type { TrainConfigInput } from './config.js';

export type PaperConfig = Omit<TrainConfigInput, 'data'>;

type Network = TrainConfigInput['network'];

/** What the networks of one family share. */
interface Family extends Pick<Network, 'classifier' | 'policy'> {
  readonly interpolation: 'bilinear' | 'bicubic';
  readonly encoderRate: number;
  readonly weightDecay: number;
  readonly supervision: number;
  readonly epochs: number;
  readonly freeze: string[];
}

const gru = { kind: 'gru', hidden: 1024 } as const;
const linear = { encoder: 'linear', hidden: 1024 } as const;
const conv = { encoder: 'conv', hidden: 256 } as const;

const resnet: Family = {
  interpolation: 'bicubic',
  classifier: gru,
  policy: linear,
  encoderRate: 0.01,
  weightDecay: 1e-4,
  supervision: 1,
  epochs: 60,
  freeze: [],
};
const densenet: Family = { ...resnet, interpolation: 'bilinear' };
const regnet: Family = {
  ...densenet,
  classifier: { ...gru, glance: 'encoder' },
  policy: conv,
  encoderRate: 0.02,
  weightDecay: 5e-5,
};
const mobilenet: Family = {
  interpolation: 'bicubic',
  classifier: { kind: 'cascade' },
  policy: conv,
  encoderRate: 0.005,
  weightDecay: 1e-4,
  supervision: 5,
  epochs: 90,
  freeze: ['global'],
};
const efficientnet: Family = { ...mobilenet, epochs: 30 };

const families: Readonly<Record<string, Family>> = {
  resnet,
  densenet,
  regnety: regnet,
  mobilenetv3: mobilenet,
  efficientnet,
};

type Name = Exclude<z.input<typeof EncoderConfig>['name'], 'small'>;

/** Patch side P and looks T of each released model. */
const released: readonly (readonly [Name, patch: number, steps: number])[] = [
  ['resnet50', 96, 5],
  ['resnet50', 128, 5],
  ['densenet121', 96, 5],
  ['densenet169', 96, 5],
  ['densenet201', 96, 5],
  ['regnety_600m', 96, 5],
  ['regnety_800m', 96, 5],
  ['regnety_1.6g', 96, 5],
  ['mobilenetv3_large_100', 96, 3],
  ['mobilenetv3_large_100', 128, 3],
  ['mobilenetv3_large_125', 128, 3],
  ['efficientnet_b2', 128, 4],
  ['efficientnet_b3', 128, 4],
  ['efficientnet_b3', 144, 4],
];

export const paperConfigs: Readonly<Record<string, PaperConfig>> = Object.fromEntries(
  released.map(([name, patch, steps]) => [
    `gfnet-${name}-${patch}-t${steps}`,
    paperConfig(name, patch, steps),
  ]),
);

/** What the reference does with a network of the family that `name` is of, whatever P and T. */
export function paperConfig(name: Name, patch: number, steps: number): PaperConfig {
  // Some names have the source of their weights before the family.
  const family = Object.entries(families).find(([part]) => name.includes(part))?.[1] ?? resnet;
  const { interpolation, classifier, policy, encoderRate, weightDecay, supervision, epochs, freeze } = family;
  const alone = { epochs, encoderRate, weightDecay };
  const learning = { ...alone, supervision, freeze };
  return {
    network: {
      patch,
      steps,
      interpolation,
      // Of ImageNet.
      mean: [0.485, 0.456, 0.406],
      std: [0.229, 0.224, 0.225],
      encoder: { name },
      classifier,
      policy,
    },
    batchSize: 256,
    stage1: { ...learning, classifierRate: 0.1 },
    stage2: { epochs: 15 },
    stage3: { ...learning, classifierRate: 0.01 },
    static: { ...alone, input: 224 },
  };
}
