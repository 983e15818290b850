/** What every encoder is: a function from images to a feature map and a pooled feature. */
import type { Tensor2D, Tensor4D } from '@tensorflow/tfjs-core';
import type { Scope } from '../nn/scope.js';
import type { Weights } from './weights.js';

export interface Features {
  /** [n, h, w, channels]: what the policy reads. */
  readonly map: Tensor4D;
  /** [n, width]: what the classifier reads. */
  readonly pooled: Tensor2D;
}

/** images: [n, side, side, channels], any side the architecture allows. */
export type Encoder = (scope: Scope, images: Tensor4D) => Features;

export interface Paper {
  readonly citation: string;
  /** Its id, e.g. `1512.03385`. */
  readonly arxiv: string;
}

/** An encoder that has a name. */
export interface Network {
  readonly encode: Encoder;
  /** Of smaller images, in pixels, nothing is left for the feature map; without it the encoder takes images of any side. */
  readonly leastSide?: number;
  readonly paper: Paper;
  /** Published weights of this architecture. */
  readonly weights: readonly Weights[];
}
