/** Which data a run uses; the one place that holds the defaults. */
import { z } from 'zod';
import { unknownChoice } from '../errors/did-you-mean.js';
import { DistortionConfig } from './distortion.js';
import { FolderConfig, ManifestConfig, place, ShardsConfig } from './images/config.js';

/** How glyphs are put on a larger canvas. */
const ClutterConfig = z.strictObject({
  /** Side of the square canvas, in pixels. */
  canvas: z.int().min(1),
  /** Pieces of other glyphs strewn over it. */
  clutter: z.int().min(0).max(10_000),
  /** Side of a piece, in pixels. */
  clutterSize: z.int().min(1).default(8),
  /** How training glyphs are varied, anew in each epoch; validation and test glyphs stay as they are. */
  distortion: DistortionConfig.prefault({}),
  /** Canvases made of each validation and test glyph. */
  canvasesPerDigit: z.int().min(1).max(100_000).default(10),
  /** A folder of photographs that canvases in colour are laid on; without it they are grey on black. Kept as an absolute path. */
  photographs: place.exactOptional(),
});
export type ClutterConfig = Readonly<z.infer<typeof ClutterConfig>>;

/** Decides what is split from what, and what is drawn where. */
const seed = z.int().default(1);
const count = z.int().min(1);

/** Handwritten digits in clutter, the task of "Recurrent Models of Visual Attention" (Mnih et al. 2014). */
const ClutteredDigitsConfig = ClutterConfig.extend({
  kind: z.literal('cluttered-digits'),
  seed,
  /** Digits of each set. */
  train: count.default(8000),
  validation: count.default(1000),
  test: count.default(1000),
});
export type ClutteredDigitsConfig = Readonly<z.infer<typeof ClutteredDigitsConfig>>;

/** Two IDX files, compressed with gzip or not: within the folder, or absolute; `.gz` may be left out. */
const idxFiles = (images: string, labels: string) =>
  z
    .strictObject({
      images: z.string().min(1).default(images),
      labels: z.string().min(1).default(labels),
    })
    .prefault({});

/** IDX files (MNIST, Fashion-MNIST, KMNIST, ...) of square grey pictures. */
const IdxFilesConfig = z.strictObject({
  /** Where the files are; kept as an absolute path. */
  folder: place.prefault('.'),
  train: idxFiles('train-images-idx3-ubyte', 'train-labels-idx1-ubyte'),
  test: idxFiles('t10k-images-idx3-ubyte', 't10k-labels-idx1-ubyte'),
  /** Pictures taken from the training files; without it a tenth of them, at most 5000. */
  validation: count.exactOptional(),
  /** Names of the labels 0, 1, ...; without it the labels themselves. */
  classes: z
    .array(z.string().min(1))
    .min(2)
    .refine(names => new Set(names).size === names.length, 'a name is given twice')
    .exactOptional(),
  seed,
});
export type IdxFilesConfig = Readonly<z.infer<typeof IdxFilesConfig>>;

/** The pictures as they are. */
const IdxConfig = IdxFilesConfig.extend({
  kind: z.literal('idx'),
  /** Side of a black canvas with the picture at its centre, in pixels; without it the picture's own. */
  canvas: z.int().min(1).exactOptional(),
});

/** The pictures in clutter, as the digits. */
const ClutteredIdxConfig = IdxFilesConfig.extend({
  ...ClutterConfig.shape,
  kind: z.literal('cluttered-idx'),
});
export type IdxConfig = Readonly<z.infer<typeof IdxConfig> | z.infer<typeof ClutteredIdxConfig>>;

/** Synthetic images whose class is readable in one place, see known-answer.ts. */
const KnownAnswerConfig = z
  .strictObject({
    kind: z.literal('known-answer'),
    seed,
    /** Images of each set. */
    train: count.default(4000),
    validation: count.default(500),
    test: count.default(500),
    /** Side of the square image, in pixels; at least 3 patches. */
    side: z.int().default(48),
    /** Side of the informative square, in pixels; the network's patch must be the same for the glance to hide the class. */
    patch: z.int().min(2).default(12),
    /** Directions of the stripes. */
    classes: z.int().min(2).max(4).default(4),
  })
  .refine(({ side, patch }) => side >= 3 * patch, { path: ['side'], error: 'side >= 3 * patch' });
export type KnownAnswerConfig = Readonly<z.infer<typeof KnownAnswerConfig>>;

const kinds = [
  ClutteredDigitsConfig,
  IdxConfig,
  ClutteredIdxConfig,
  KnownAnswerConfig,
  FolderConfig,
  ManifestConfig,
  ShardsConfig,
] as const;

export const DataConfig = z.discriminatedUnion('kind', kinds, {
  error: unknownChoice(
    'data set',
    'kind',
    kinds.map(({ shape }) => shape.kind.value),
  ),
});
export type DataConfig = z.infer<typeof DataConfig>;

/** Side of the images in pixels, where the configuration tells it: that of IDX pictures is known once they are read. */
export function configuredSide(data: DataConfig): number | undefined {
  return 'side' in data ? data.side : data.canvas;
}
