/** The encoders by name, each with the schema of its options. */
import { z } from 'zod';
import { unknownChoice } from '../errors/did-you-mean.js';
import type { Encoder } from './encoder.js';
import { resnet, ResNetConfig } from './resnet.js';
import { small, SmallConfig } from './small.js';

const encoderNames = ['small', ...ResNetConfig.shape.name.options] as const;

export const EncoderConfig = z.discriminatedUnion('name', [SmallConfig, ResNetConfig], {
  error: unknownChoice('encoder', 'name', encoderNames),
});
export type EncoderConfig = z.infer<typeof EncoderConfig>;

export function createEncoder(config: EncoderConfig): Encoder {
  return config.name === 'small' ? small(config) : resnet(config);
}
