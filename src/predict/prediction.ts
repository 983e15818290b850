/** What is asked of a model, and what it answers. */
import type { Box } from '../crop/box.js';
import type { RawImage } from '../data/raw-image.js';
import type { Guess } from '../evaluation/softmax.js';
import type { Budget } from './budget.js';

/** A path, an encoded image, or pixels. */
export type ImageSource = string | Uint8Array | RawImage;

export interface PredictOptions {
  /** An image is answered once its confidence reaches this, in (0, 1]; default 0.975. 1 takes all steps. */
  readonly threshold?: number;
  /**
   * Instead of a threshold: mean Multi-Adds for one image, or mean milliseconds that its steps take by themselves on this machine (measured
   * once, see `stepMilliseconds`); takes the thresholds within it that are to be expected most accurate by the validation images of `gfnet evaluate`.
   */
  readonly budget?: Budget;
  /**
   * Instead of a threshold: accuracy, in (0, 1), that may be lost against all steps, e.g. 0.01 for one point; takes thresholds for which
   * `gfnet evaluate` can promise it, of images like those it was evaluated on.
   */
  readonly maxAccuracyDrop?: number;
  /** How surely the promise of `maxAccuracyDrop` holds, in (0, 1); default 0.95. */
  readonly confidence?: number;
  /**
   * Milliseconds in which an image is to be answered, from when its first step begins, decoding not counted: no step is begun that would
   * not end in time, as measured so far; what is believed by then is the answer. The glance is always taken.
   */
  readonly maxMs?: number;
  /** How many classes to list; default 5, at most all of them. */
  readonly topK?: number;
  /** Images computed at once; default 64. */
  readonly batchSize?: number;
  /** Encoded images of more pixels are refused, in Node before they are decoded; default 100 million. */
  readonly maxPixels?: number;
  /** Ends the work before the next step, the first included, with the signal's reason as the error. */
  readonly signal?: AbortSignal;
  /** Told of each step of each image, by its index among those given. */
  readonly onStep?: (belief: Belief, index: number) => void;
}

export interface Belief {
  /** From 1, the glance. */
  readonly step: number;
  /** Where it looked, in pixels of the image as the model sees it; absent for the glance. */
  readonly box?: Box;
  /** Likeliest classes, likeliest first. */
  readonly top: readonly Guess[];
}

export interface Prediction {
  /** Index of the class. */
  readonly class: number;
  readonly label: string;
  readonly probability: number;
  readonly top: readonly Guess[];
  /** Steps taken, 1 to T. */
  readonly steps: number;
  /** What was looked at after the glance. */
  readonly boxes: readonly Box[];
  /** Spent on this image. */
  readonly multiAdds: number;
  /** After each step taken. */
  readonly beliefs: readonly Belief[];
}
