/** The encoders by name, each with the schema of its options. */
import { z } from 'zod';
import { unknownChoice } from '../errors/did-you-mean.js';
import type { Encoder } from './encoder.js';
import { densenet, DenseNetConfig } from './densenet.js';
import { efficientnet, EfficientNetConfig } from './efficientnet.js';
import { mobilenetv3, MobileNetV3Config } from './mobilenetv3.js';
import { regnet, RegNetConfig } from './regnet.js';
import { resnet, ResNetConfig } from './resnet.js';
import { small, SmallConfig } from './small.js';

const encoderNames = [
  'small',
  ...ResNetConfig.shape.name.options,
  ...DenseNetConfig.shape.name.options,
  ...MobileNetV3Config.shape.name.options,
  ...RegNetConfig.shape.name.options,
  ...EfficientNetConfig.shape.name.options,
] as const;

export const EncoderConfig = z.discriminatedUnion(
  'name',
  [SmallConfig, ResNetConfig, DenseNetConfig, MobileNetV3Config, RegNetConfig, EfficientNetConfig],
  {
    error: unknownChoice('encoder', 'name', encoderNames),
  },
);
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
    case 'mobilenetv3_large_100':
    case 'mobilenetv3_large_125':
    case 'mobilenetv3_small_100':
      return mobilenetv3(config);
    case 'regnety_600m':
    case 'regnety_800m':
    case 'regnety_1.6g':
      return regnet(config);
    case 'efficientnet_b0':
    case 'efficientnet_b2':
    case 'efficientnet_b3':
      return efficientnet(config);
  }
}
