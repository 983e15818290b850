/** The encoders by name, each with the schema of its options. */
import { z } from 'zod';
import { unknownChoice } from '../errors/did-you-mean.js';
import type { Encoder } from './encoder.js';
import { small, SmallConfig } from './small.js';

export const EncoderConfig = z.discriminatedUnion('name', [SmallConfig], {
  error: unknownChoice('encoder', 'name', ['small']),
});
export type EncoderConfig = z.infer<typeof EncoderConfig>;

export function createEncoder(config: EncoderConfig): Encoder {
  return small(config);
}
