/** What a data set is to the rest of the program. */
import type { Interpolation } from '../nn/kernels.js';

/** Height and width in pixels. */
export interface ImageShape {
  readonly height: number;
  readonly width: number;
  /** 1 (grey) or 3 (RGB). */
  readonly channels: number;
}

/** What images are brought to. */
export interface ImageTarget extends ImageShape {
  /** What the short side is resized to before the centre is cut out, in pixels, at least the shape's; without it the shape's own. */
  readonly resize?: number | undefined;
  /** Bilinear, where it is absent. */
  readonly interpolation?: Interpolation | undefined;
}

/** A finite, indexed set of labelled images of one shape. */
export interface Dataset {
  /** E.g. `cluttered-digits-60/test`. */
  readonly name: string;
  readonly size: number;
  readonly classes: readonly string[];
  readonly shape: ImageShape;
  /**
   * Writes the images at `indices`, as they are seen in `epoch`, into `images` ([n, height, width, channels], values in
   * [0, 1]) and their class indices into `labels` ([n]). A pure function of its arguments: the same index and epoch give the
   * same image, whatever was read before. Sets that do not vary ignore `epoch`. The label -1: this image cannot be read, and is
   * to be left out.
   */
  read(indices: Int32Array, epoch: number, images: Float32Array, labels: Int32Array): void | Promise<void>;
  /** The class of an image, without reading it. */
  readonly label: (index: number) => number;
  /** Which source an image was made from, where several images share one (ten canvases of one digit): errors of such images go together. */
  source?(index: number): number;
  /** By what a user finds an image: its file, say. Absent where the place in the set is all there is. */
  nameOf?(index: number): string;
}

/** What a user is told an image of the set is. */
export function nameIn(set: Dataset, index: number): string {
  return set.nameOf?.(index) ?? `image ${index}`;
}

/** For learning, for choosing (early stopping, thresholds), and for reporting. */
export const parts = ['train', 'validation', 'test'] as const;
export type Part = (typeof parts)[number];

/** Disjoint sets. */
export interface Splits extends Readonly<Record<Part, Dataset>> {
  /** How an image from elsewhere is brought to the shape of these: recorded with what is trained on them. */
  readonly preparation?: Preparation;
  /** The same as long as the sets are: where they are files, which may change between two runs. */
  readonly fingerprint?: () => string;
  /** What a user should know of how the three were found. */
  readonly notes?: readonly string[];
  /** Ends what prepares images in the background; reads that wait are refused. */
  readonly close?: () => Promise<void>;
}

/** See `ImageTarget`. */
interface Preparation {
  readonly resize: number;
  readonly interpolation: Interpolation;
}
