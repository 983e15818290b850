/** What a network is made of; stored with every checkpoint. */
import { z } from 'zod';
import { ClassifierConfig } from '../classifier/index.js';
import { EncoderConfig, leastSide } from '../encoders/registry.js';
import { interpolations } from '../nn/kernels.js';
import { PolicyConfig } from '../policy/index.js';

/** Of an image, in pixels. */
export const side = z.int().min(1).max(20_000);

/** How images become what an encoder sees. */
const encoding = {
  /** How images are made smaller. */
  interpolation: z.enum(interpolations).default('bilinear'),
  /** Of pixel values in [0, 1]; the same for all channels, or one each: grey images then enter as many channels. */
  mean: z.array(z.number()).min(1).default([0]),
  std: z.array(z.number().positive()).min(1).default([1]),
  encoder: EncoderConfig,
};

/** What follows from the data. */
const data = {
  /** Side of the full image, in pixels. */
  side,
  /** 1 (grey) or 3 (RGB). */
  channels: z.union([z.literal(1), z.literal(3)]),
  classes: z.array(z.string()).min(2),
};

/** What the user chooses of a GFNet. */
export const NetworkConfig = z.strictObject({
  /** Side P of the glance and of every crop, in pixels. */
  patch: side,
  /** T: the glance and T - 1 crops; each is a part of one compiled step. */
  steps: z.int().min(1).max(1000),
  ...encoding,
  classifier: ClassifierConfig,
  policy: PolicyConfig,
});
export type NetworkConfig = z.infer<typeof NetworkConfig>;

interface Normalisation {
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly channels: number;
}

/** Whether there is one mean and one deviation, or one for each channel, of which grey images may have any number. */
function fits({ mean, std, channels }: Normalisation): boolean {
  const wanted = channels === 1 ? Math.max(mean.length, std.length) : channels;
  return [mean, std].every(({ length }) => length === 1 || length === wanted);
}
const misfit = { path: ['mean'], error: 'mean and std have one value, or one for each channel' };

/** `[key]` is the side of what the encoder sees, in pixels. */
function requireSide<Key extends string>(key: Key) {
  return (
    model: Readonly<Record<Key, number>> & { encoder: EncoderConfig },
    context: z.RefinementCtx,
  ): void => {
    const least = leastSide(model.encoder);
    if (model[key] >= least) return;
    const message = `${model.encoder.name} needs images of ${least} x ${least} pixels at least: ${key} >= ${least}`;
    context.addIssue({ code: 'custom', path: [key], message });
  };
}

export const ModelConfig = NetworkConfig.extend(data)
  .refine(model => model.patch <= model.side, {
    path: ['patch'],
    error: 'the patch is larger than the image: patch <= side',
  })
  .superRefine(requireSide('patch'))
  .refine(fits, misfit);
export type ModelConfig = z.infer<typeof ModelConfig>;

/** A static network: one encoder, once, on the whole image. */
export const StaticConfig = z
  .object({
    /** Side that images are resized to, in pixels. */
    input: side,
    ...encoding,
    ...data,
  })
  .superRefine(requireSide('input'))
  .refine(fits, misfit);
export type StaticConfig = z.infer<typeof StaticConfig>;
