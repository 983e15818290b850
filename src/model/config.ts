/** What a glance-and-focus network is made of; stored with every checkpoint. */
import { z } from 'zod';
import { ClassifierConfig } from '../classifier/index.js';
import { EncoderConfig } from '../encoders/registry.js';
import { interpolations } from '../nn/resize.js';
import { PolicyConfig } from '../policy/index.js';

/** What the user chooses; the rest follows from the data. */
export const NetworkConfig = z.strictObject({
  /** Side P of the glance and of every crop, in pixels. */
  patch: z.int().min(1),
  /** T: the glance and T - 1 crops. */
  steps: z.int().min(1),
  /** How the glance is made smaller. */
  interpolation: z.enum(interpolations).default('bilinear'),
  /** Of pixel values in [0, 1]; the same for all channels, or one each: grey images then enter as many channels. */
  mean: z.array(z.number()).min(1).default([0]),
  std: z.array(z.number().positive()).min(1).default([1]),
  encoder: EncoderConfig,
  classifier: ClassifierConfig,
  policy: PolicyConfig,
});
export type NetworkConfig = z.infer<typeof NetworkConfig>;

export const ModelConfig = NetworkConfig.extend({
  /** Side of the full image, in pixels. */
  side: z.int().min(1),
  /** 1 (grey) or 3 (RGB). */
  channels: z.union([z.literal(1), z.literal(3)]),
  classes: z.array(z.string()).min(2),
})
  .refine(model => model.patch <= model.side, {
    path: ['patch'],
    error: 'the patch is larger than the image: patch <= side',
  })
  .refine(
    ({ mean, std, channels }) =>
      channels === 1 || [mean, std].every(({ length }) => length === 1 || length === channels),
    {
      path: ['mean'],
      error: 'mean and std have one value, or one for each channel',
    },
  )
  .refine(({ mean, std }) => mean.length === 1 || std.length === 1 || mean.length === std.length, {
    path: ['std'],
    error: 'mean and std do not have the same length',
  });
export type ModelConfig = z.infer<typeof ModelConfig>;
