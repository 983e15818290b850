/** The programmatic interface: load a trained model, predict. `gfnet/predict` is the same for exported bundles alone. */
import { UsageError } from './errors/index.js';
import { isBundle, openBundle } from './predict/bundle.js';
import { openCheckpoint } from './predict/engine.js';
import type { RuntimeOptions } from './predict/onnx-node.js';
import { Predictor } from './predict/predictor.js';

export class GFNet extends Predictor {
  /**
   * Loads a trained model: a bundle on ONNX Runtime, any other in TensorFlow, which is set up first where that has not been done.
   * @param path a bundle, a run folder, a packaged or imported model, or a checkpoint's .json file
   * @param options `provider` goes with bundles only
   * @throws BundleError, CheckpointError, EngineError
   */
  static async load(path: string, options: RuntimeOptions = {}): Promise<GFNet> {
    if (isBundle(path)) return new GFNet(await openBundle(path, options));
    if (options.provider === undefined) return new GFNet(await openCheckpoint(path, options.threads));
    throw new UsageError({
      problem: 'a provider goes with exported models',
      given: `provider ${options.provider} for ${path}`,
      allowed: 'a bundle made by gfnet export',
      mend: 'export the model first, or leave the provider out',
    });
  }
}

export type * from './predict/index.js';
export * from './errors/index.js';
