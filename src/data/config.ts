/** Which data a run uses; the one place that holds the defaults. */
import { z } from 'zod';

export const DataConfig = z.discriminatedUnion('kind', [
  /** Handwritten digits in clutter, the task of "Recurrent Models of Visual Attention" (Mnih et al. 2014). */
  z.strictObject({
    kind: z.literal('cluttered-digits'),
    /** Side of the square canvas, in pixels. */
    canvas: z.int().min(28),
    /** Pieces of other digits strewn over it. */
    clutter: z.int().min(0),
    /** Side of a piece, in pixels. */
    clutterSize: z.int().min(1).max(28).default(8),
    /** Decides the split, and the canvases of validation and test. */
    seed: z.int().default(1),
    /** Digits of each set. */
    train: z.int().min(1).default(8000),
    validation: z.int().min(1).default(1000),
    test: z.int().min(1).default(1000),
    /** Canvases made of each validation and test digit. */
    canvasesPerDigit: z.int().min(1).default(10),
  }),
]);
export type DataConfig = z.infer<typeof DataConfig>;
