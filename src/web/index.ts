/** `gfnet/web`: predicts with exported bundles in a page, on onnxruntime-web; nothing of Node can be reached from here. */
import { Predictor } from '../predict/predictor.js';
import { readyModel } from '../predict/ready.js';
import type { WebImage } from './decode.js';
import { decodeInPage } from './decode.js';
import type { Progress } from './fetch.js';
import { fetchBundle } from './fetch.js';
import type { RuntimeOptions } from './runtime.js';
import { startRunner } from './runtime.js';

export interface WebOptions extends RuntimeOptions {
  readonly onProgress?: Progress;
}

export class GFNet extends Predictor<WebImage> {
  /**
   * @param bundle address of a folder made by `gfnet export`, e.g. `/models/digits`
   * @throws BundleError where it cannot be fetched or was altered; EngineError where onnxruntime-web cannot load it
   */
  static async load(bundle: string | URL, options: WebOptions = {}): Promise<GFNet> {
    const base = new URL(bundle, location.href);
    if (!base.pathname.endsWith('/')) base.pathname += '/';
    const fetched = await fetchBundle(base, options.onProgress);
    const runner = await startRunner(fetched, options);
    return new GFNet(await readyModel(fetched.path, fetched.manifest, runner, decodeInPage));
  }
}

export type { Box } from '../crop/box.js';
export type { ImageShape, ImageTarget } from '../data/dataset.js';
export type { RawImage } from '../data/raw-image.js';
export * from '../errors/index.js';
export type { Guess } from '../evaluation/softmax.js';
export type { Budget } from '../predict/budget.js';
export type { Belief, Prediction, PredictOptions } from '../predict/prediction.js';
export type { Answered, Failed, Outcome } from '../predict/stream.js';
export { decodeInPage, type WebImage } from './decode.js';
export type { Progress } from './fetch.js';
export type { RuntimeOptions } from './runtime.js';
