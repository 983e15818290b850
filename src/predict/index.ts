/** `gfnet/predict`: predicts with exported bundles on ONNX Runtime; no training engine is needed, or reachable from here. */
import type { LoadOptions } from './bundle.js';
import { openBundle } from './bundle.js';
import { Predictor } from './predictor.js';

export class GFNet extends Predictor {
  /**
   * @param bundle a folder made by `gfnet export`
   * @throws BundleError where it is missing or damaged; EngineError where ONNX Runtime cannot load it; UsageError for options out of range
   */
  static async load(bundle: string, options: LoadOptions = {}): Promise<GFNet> {
    return new GFNet(await openBundle(bundle, options));
  }
}

export type { Box } from '../crop/box.js';
export type { ImageShape, ImageTarget } from '../data/dataset.js';
export type { RawImage } from '../data/raw-image.js';
export * from '../errors/index.js';
export type { Guess } from '../evaluation/softmax.js';
export type { Budget } from './budget.js';
export type { LoadOptions } from './bundle.js';
export type { RuntimeOptions } from './onnx-node.js';
export type { Belief, ImageSource, Prediction, PredictOptions } from './prediction.js';
export type { Answered, Failed, Outcome } from './stream.js';
