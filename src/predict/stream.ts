/** What becomes of the images of a stream. */
import type { ImageError } from '../errors/index.js';
import type { Prediction } from './prediction.js';

/** What became of one image of a stream. */
export type Outcome<Source> = Answered<Source> | Failed<Source>;

export interface Answered<Source> {
  readonly source: Source;
  /** As the model saw it: [height, width, channels] of its shape. */
  readonly pixels: Uint8Array;
  readonly prediction: Prediction;
}

export interface Failed<Source> {
  readonly source: Source;
  readonly error: ImageError;
}

export interface Decoded<Source> {
  readonly source: Source;
  readonly pixels: Uint8Array;
}
