/** `gfnet/predict`: predicts with exported bundles on ONNX Runtime; no training engine is needed, or reachable from here. */
import { openBundle } from './bundle.js';
import type { RuntimeOptions } from './onnx-node.js';
import { Predictor } from './predictor.js';

export class GFNet extends Predictor {
  /**
   * @param bundle a folder made by `gfnet export`
   * @throws BundleError where it is missing or damaged; EngineError where ONNX Runtime cannot load it
   */
  static async load(bundle: string, options: RuntimeOptions = {}): Promise<GFNet> {
    return new GFNet(await openBundle(bundle, options));
  }
}

export type { Box } from '../crop/box.js';
export type { ImageShape, ImageTarget } from '../data/dataset.js';
export type { RawImage } from '../data/raw-image.js';
export * from '../errors/index.js';
export type { Guess } from '../evaluation/softmax.js';
export type { Budget } from './budget.js';
export type { RuntimeOptions } from './onnx-node.js';
export type { Belief, ImageSource, Prediction, PredictOptions } from './prediction.js';
export type { Answered, Failed, Outcome } from './stream.js';
