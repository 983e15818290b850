/** What the report and the README's picture show of one image. */
import type { Guess } from '../evaluation/index.js';

/** A square of an image, in pixels of that image. */
interface Box {
  readonly row: number;
  readonly column: number;
  readonly size: number;
}

/** The `viewBox` of an SVG element that shows what the box holds. */
export function viewOf({ row, column, size }: Box): string {
  return `${column} ${row} ${size} ${size}`;
}

export interface GallerySample {
  /** By what a user finds the image. */
  readonly name: string;
  /** PNG or JPEG, square. */
  readonly image: Uint8Array;
  /** Side of the image in pixels. */
  readonly side: number;
  /** PNG or JPEG: the image as the first step sees it. */
  readonly glance: Uint8Array;
  /** One for each step from the second, as far as they were computed. */
  readonly crops: readonly { readonly box: Box; readonly step: number }[];
  /** What the network believed after each step: its likeliest classes, likeliest first. */
  readonly beliefs: readonly { readonly step: number; readonly top: readonly Guess[] }[];
  readonly truth: string;
  /** The answer given at `exitStep`. */
  readonly predicted: string;
  /** The step at which the image leaves, 1 to T. */
  readonly exitStep: number;
}

export interface Gallery {
  readonly right: readonly GallerySample[];
  /** Wrong, and surest of it. */
  readonly worst: readonly GallerySample[];
  readonly wrong: readonly GallerySample[];
  readonly longest: readonly GallerySample[];
}
