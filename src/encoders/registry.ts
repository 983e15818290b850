/** The encoders by name: the published ones, and `small` with options of its own. */
import { z } from 'zod';
import { unknownChoice } from '../errors/did-you-mean.js';
import { densenets } from './densenet.js';
import { efficientnets } from './efficientnet.js';
import type { Encoder, Network } from './encoder.js';
import { mobilenets } from './mobilenetv3.js';
import { regnets } from './regnet.js';
import { resnets } from './resnet.js';
import { small, SmallConfig, smallNetwork } from './small.js';

const published = { ...resnets, ...densenets, ...mobilenets, ...regnets, ...efficientnets };

export const networks: ReadonlyMap<string, Network> = new Map<string, Network>([
  ['small', smallNetwork],
  ...Object.entries(published),
]);

const PublishedConfig = z.strictObject({
  name: z.enum(Object.keys(published) as (keyof typeof published)[]),
});

export const EncoderConfig = z.discriminatedUnion('name', [SmallConfig, PublishedConfig], {
  error: unknownChoice('encoder', 'name', [...networks.keys()]),
});
export type EncoderConfig = z.infer<typeof EncoderConfig>;

export function createEncoder(config: EncoderConfig): Encoder {
  return config.name === 'small' ? small(config) : published[config.name].encode;
}

/** Of its images, in pixels. */
export function leastSide({ name }: EncoderConfig): number {
  return networks.get(name)?.leastSide ?? 1;
}
