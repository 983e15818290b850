/** The programmatic interface: load a trained model, predict. `gfnet/predict` is the same for exported bundles alone. */
import { UsageError } from './errors/index.js';
import type { LoadOptions } from './predict/bundle.js';
import { isBundle, openBundle } from './predict/bundle.js';
import { openCheckpoint } from './predict/engine.js';
import { Predictor } from './predict/predictor.js';

export class GFNet extends Predictor {
  /**
   * Loads a trained model: a bundle on ONNX Runtime, any other in TensorFlow, which is set up first where that has not been done.
   * @param path a bundle, a run folder, a packaged or imported model, or a checkpoint's .json file
   * @param options `provider` and `workers` go with bundles only
   * @throws BundleError, CheckpointError, EngineError, UsageError
   */
  static async load(path: string, options: LoadOptions = {}): Promise<GFNet> {
    if (isBundle(path)) return new GFNet(await openBundle(path, options));
    const { provider, workers, threads } = options;
    for (const [name, value] of Object.entries({ provider, workers }))
      if (value !== undefined)
        throw new UsageError({
          problem: `${name} goes with exported models`,
          given: `${name} ${value} for ${path}`,
          allowed: 'a bundle made by gfnet export',
          mend: 'export the model first, or leave that out',
        });
    return new GFNet(await openCheckpoint(path, threads));
  }
}

export type * from './predict/index.js';
export * from './errors/index.js';
