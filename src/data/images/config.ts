/** Options of the sets that are made of image files. */
import { resolve } from 'node:path';
import { z } from 'zod';
import { interpolations } from '../../nn/kernels.js';

const range = (least: number) =>
  z
    .tuple([z.number().positive(), z.number().positive()])
    .refine(([from, to]) => from <= to && from >= least, {
      error: 'two numbers, the smaller first',
    });

/** Upper bound of how far a factor strays from 1. */
const strength = z.number().min(0).max(1).default(0);

/** RandAugment; the defaults are torchvision's. */
export const RandAugmentConfig = z.strictObject({
  /** Applied one after the other. */
  operations: z.int().min(1).default(2),
  /** Of each, out of 30. */
  magnitude: z.int().min(0).max(30).default(9),
});
export type RandAugmentConfig = Readonly<z.infer<typeof RandAugmentConfig>>;

/** How training images are varied, anew in each epoch; validation and test images never are. */
export const AugmentConfig = z.strictObject({
  /** `random`: RandomResizedCrop (Szegedy et al. 2015); `centre`: cut as a validation image is. */
  crop: z.enum(['random', 'centre']).default('random'),
  /** Share of the image's area that a random crop takes. */
  scale: range(0)
    .refine(([, to]) => to <= 1, 'at most 1')
    .default([0.08, 1]),
  /** Width over height of what a random crop takes. */
  ratio: range(0).default([3 / 4, 4 / 3]),
  /** Share of the images that are seen in a mirror. */
  flip: z.number().min(0).max(1).default(0.5),
  /** Colour jitter: factors drawn within 1 - x and 1 + x, in a random order. */
  brightness: strength,
  contrast: strength,
  saturation: strength,
  /** Part of the colour circle by which hues are turned, one way or the other. */
  hue: z.number().min(0).max(0.5).default(0),
  randAugment: RandAugmentConfig.exactOptional(),
});
export type AugmentConfig = Readonly<z.infer<typeof AugmentConfig>>;

const share = z.number().min(0).lt(1).default(0.1);

const ImagesConfig = z.strictObject({
  /** Side of the square that the network sees, in pixels. */
  side: z.int().min(1).default(224),
  /** 1 (grey) or 3 (RGB). */
  channels: z.union([z.literal(1), z.literal(3)]).default(3),
  /** What the short side is resized to before the centre is cut out; without it what suits the encoder, see training/config.ts. */
  resize: z.int().min(1).exactOptional(),
  /** Of that resizing; without it what suits the encoder. */
  interpolation: z.enum(interpolations).exactOptional(),
  augment: AugmentConfig.prefault({}),
  /** What becomes of a file that cannot be decoded: another of its class is taken in training, or of any where there is none, and evaluation leaves it out; or the run fails. */
  broken: z.enum(['skip', 'fail']).default('skip'),
  /** Shares of each class that are taken for validation and for test, where there is no folder or column that says which. */
  validation: share,
  test: share,
  seed: z.int().default(1),
});
export type ImagesConfig = Readonly<z.infer<typeof ImagesConfig>>;

const fits = {
  check: ({ side, resize }: ImagesConfig) => (resize ?? side) >= side,
  issue: { path: ['resize'], error: 'resize >= side' },
};

/** Kept as an absolute path. */
export const place = z
  .string()
  .min(1)
  .transform(path => resolve(path));

/** ROOT/train/CLASS/... with ROOT/val and ROOT/test where they exist, or ROOT/CLASS/... */
export const FolderConfig = ImagesConfig.extend({
  kind: z.literal('folder'),
  /** Kept as an absolute path. */
  folder: place,
}).refine(fits.check, fits.issue);
export type FolderConfig = Readonly<z.infer<typeof FolderConfig>>;

/** A table of paths, labels and perhaps splits. */
export const ManifestConfig = ImagesConfig.extend({
  kind: z.literal('manifest'),
  /** CSV with a header line or JSON lines: path, label, split. Kept as an absolute path. */
  file: place,
}).refine(fits.check, fits.issue);
export type ManifestConfig = Readonly<z.infer<typeof ManifestConfig>>;

/** Tar files in the WebDataset format; the beginning of a shard's name says its split: train, val, test. */
export const ShardsConfig = ImagesConfig.extend({
  kind: z.literal('shards'),
  /** Of the .tar files. Kept as an absolute path. */
  folder: place,
}).refine(fits.check, fits.issue);
export type ShardsConfig = Readonly<z.infer<typeof ShardsConfig>>;
