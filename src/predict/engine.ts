/** From a checkpoint to a model that answers, in the training engine. */
import { decodeImage } from '../data/decode.js';
import { lineReporter } from '../engine/setup/report.js';
import { ensureEngine } from '../engine/setup/setup.js';
import { startEngine } from '../engine/start.js';
import { disposeTree } from '../engine/tensor-tree.js';
import { Runner } from '../model/runner.js';
import { thresholdsFor } from './calibration.js';
import { loadModel, targetOf } from './load.js';
import type { ReadyModel } from './predictor.js';

/**
 * Sets TensorFlow up first where that has not been done.
 * @throws CheckpointError, EngineError
 */
export async function openCheckpoint(path: string, threads: number | undefined): Promise<ReadyModel> {
  await ensureEngine(lineReporter());
  startEngine({ threads });
  const loaded = loadModel(path);
  const { model, patch, variables, checkpoint } = loaded;
  const runner = new Runner(model);
  return {
    runner: {
      run: (images, thresholds) => runner.run(images, thresholds),
      dispose() {
        runner.dispose();
        disposeTree(variables);
      },
    },
    decode: (image, target, maxPixels) => decodeImage(image, target, undefined, maxPixels),
    target: targetOf(loaded),
    classes: model.classes,
    patch,
    multiAdds: model.multiAdds,
    thresholdsFor: rule => thresholdsFor(checkpoint, rule),
  };
}
