/** The encoders by name, each with the schema of its options. */
import { z } from 'zod';
import { unknownChoice } from '../errors/did-you-mean.js';
import type { Encoder } from './encoder.js';
import { densenet, DenseNetConfig } from './densenet.js';
import { resnet, ResNetConfig } from './resnet.js';
import { small, SmallConfig } from './small.js';

const encoderNames = [
  'small',
  ...ResNetConfig.shape.name.options,
  ...DenseNetConfig.shape.name.options,
] as const;

export const EncoderConfig = z.discriminatedUnion('name', [SmallConfig, ResNetConfig, DenseNetConfig], {
  error: unknownChoice('encoder', 'name', encoderNames),
});
export type EncoderConfig = z.infer<typeof EncoderConfig>;

export function createEncoder(config: EncoderConfig): Encoder {
  switch (config.name) {
    case 'small':
      return small(config);
    case 'resnet18':
    case 'resnet34':
    case 'resnet50':
      return resnet(config);
    case 'densenet121':
    case 'densenet169':
    case 'densenet201':
      return densenet(config);
  }
}
