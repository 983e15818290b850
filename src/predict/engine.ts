/** From a checkpoint to a model that answers, in the training engine. */
import * as tf from '@tensorflow/tfjs-core';
import { scaled } from '../data/conform.js';
import { lineReporter } from '../engine/setup/report.js';
import { ensureEngine } from '../engine/setup/setup.js';
import { startEngine } from '../engine/start.js';
import { disposeTree } from '../engine/tensor-tree.js';
import type { AnytimeModel, StepInput } from '../model/anytime.js';
import { join, part, Runner } from '../model/runner.js';
import { thresholdsFor } from './calibration.js';
import { decodeSource } from './decode.js';
import { loadModel, targetOf } from './load.js';
import type { ReadyModel } from './predictor.js';
import type { StepRunner } from './step-runner.js';

/**
 * Sets TensorFlow up first where that has not been done.
 * @throws CheckpointError, EngineError
 */
export async function openCheckpoint(path: string, threads: number | undefined): Promise<ReadyModel> {
  await ensureEngine(lineReporter());
  startEngine({ threads });
  const loaded = loadModel(path);
  const { model, patch, variables, checkpoint } = loaded;
  return {
    runner: engineRunner(model, () => disposeTree(variables)),
    decode: decodeSource,
    target: targetOf(loaded),
    classes: model.classes,
    patch,
    multiAdds: model.multiAdds,
    thresholdsFor: rule => thresholdsFor(checkpoint, rule),
  };
}

/** @param free called at the end: of the model's variables */
export function engineRunner(model: AnytimeModel, free: () => void = () => undefined): StepRunner<StepInput> {
  const runner = new Runner(model);
  const { side, channels, steps } = model;
  const size = side * side * channels;
  return {
    networks: steps,
    imageSize: size,
    begin({ pixels, places }) {
      const [n, first] = [places.length, places[0] ?? 0];
      const own = pixels.subarray(first * size, (first + n) * size);
      return { images: tf.tensor4d(scaled(own), [n, side, side, channels]), state: model.initial(n, 0) };
    },
    take(step, rows) {
      const network = steps[step];
      if (!network) throw new RangeError(`there is no step ${step + 1}`);
      const { answer, input } = runner.take(network, rows);
      return { answer, rows: input };
    },
    part,
    join,
    free: ({ images, state }) => disposeTree({ images, state }),
    dispose() {
      runner.dispose();
      free();
    },
  };
}
