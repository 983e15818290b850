/** Which data a run uses; the one place that holds the defaults. */
import { z } from 'zod';

/** How glyphs are put on a larger canvas. */
const ClutterConfig = z.strictObject({
  /** Side of the square canvas, in pixels. */
  canvas: z.int().min(1),
  /** Pieces of other glyphs strewn over it. */
  clutter: z.int().min(0),
  /** Side of a piece, in pixels. */
  clutterSize: z.int().min(1).default(8),
  /** Canvases made of each validation and test glyph. */
  canvasesPerDigit: z.int().min(1).default(10),
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

export const DataConfig = z.discriminatedUnion('kind', [ClutteredDigitsConfig]);
export type DataConfig = z.infer<typeof DataConfig>;
