/** Classifies images with a trained model, taking only as many steps as each image needs. */
import type { ImageTarget, RawImage } from '../data/decode.js';
import { decodeImage } from '../data/decode.js';
import type { Box } from '../crop/index.js';
import { boxOf } from '../crop/index.js';
import { ensureEngine } from '../engine/setup/setup.js';
import { lineReporter } from '../engine/setup/report.js';
import { startEngine } from '../engine/start.js';
import { disposeTree } from '../engine/tensor-tree.js';
import { UsageError } from '../errors/index.js';
import { likeliest, type Guess } from '../evaluation/index.js';
import { Runner } from '../model/runner.js';
import { thresholdsForBudget } from './calibration.js';
import type { LoadedModel } from './load.js';
import { loadModel, targetOf } from './load.js';

export type ImageSource = string | Uint8Array | RawImage;

export interface LoadOptions {
  /** Threads TensorFlow may use; all cores when absent. */
  readonly threads?: number;
}

export interface PredictOptions {
  /** An image is answered once its confidence reaches this, in (0, 1]; default 0.975. 1 takes all steps. */
  readonly threshold?: number;
  /** Instead of a threshold: mean Multi-Adds for one image; takes the thresholds that `gfnet evaluate` fitted. */
  readonly budget?: number;
  /** How many classes to list; default 5, at most all of them. */
  readonly topK?: number;
  /** Images computed at once; default 64. */
  readonly batchSize?: number;
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

export class GFNetPredictor {
  readonly #runner: Runner;
  readonly #target: ImageTarget;

  private constructor(private readonly loaded: LoadedModel) {
    this.#runner = new Runner(loaded.model);
    this.#target = targetOf(loaded);
  }

  /**
   * Loads a trained model; sets TensorFlow up first where that has not been done.
   * @param path a run folder, a packaged or imported model, or a checkpoint's .json file
   * @throws CheckpointError, EngineError
   */
  static async load(path: string, options: LoadOptions = {}): Promise<GFNetPredictor> {
    await ensureEngine(lineReporter());
    startEngine(options);
    return new GFNetPredictor(loadModel(path));
  }

  get classes(): readonly string[] {
    return this.loaded.model.classes;
  }

  /** What images are brought to: their short side is resized, and their centre is cut out. */
  get shape(): ImageTarget {
    return this.#target;
  }

  /**
   * Predicts in the order given. Images that are confident leave the batch; later steps are computed only for the others.
   * @param images paths, encoded images, or raw pixels
   * @throws ImageError for one that cannot be decoded; UsageError for options out of range
   */
  async predict(images: readonly ImageSource[], options: PredictOptions = {}): Promise<Prediction[]> {
    const batchSize = atLeastOne('batchSize', options.batchSize ?? 64);
    const predictions: Prediction[] = [];
    for (let start = 0; start < images.length; start += batchSize) {
      const decoded = await Promise.all(
        images.slice(start, start + batchSize).map(image => decodeImage(image, this.shape)),
      );
      predictions.push(...this.predictPixels(decoded, options));
    }
    return predictions;
  }

  /**
   * Predicts images that are pixels already: [height, width, channels] of `shape` each, values in [0, 1]; all in one batch.
   * @throws UsageError for options out of range
   */
  predictPixels(images: readonly Float32Array[], options: PredictOptions = {}): Prediction[] {
    const { classes, side } = this.loaded.model;
    const { patch } = this.loaded;
    const thresholds = this.thresholds(options);
    const topK = Math.min(atLeastOne('topK', options.topK ?? 5), classes.length);
    if (images.length === 0) return [];
    const size = images[0]?.length ?? 0;
    const joined = new Float32Array(images.length * size);
    images.forEach((image, i) => joined.set(image, i * size));
    const beliefs: Belief[][] = images.map(() => []);
    for (const { rows, probabilities, actions } of this.#runner.run(joined, thresholds)) {
      rows.forEach((row, i) => {
        const seen = beliefs[row] ?? [];
        const [vertical, horizontal] = actions?.subarray(2 * i, 2 * i + 2) ?? [];
        const k = classes.length;
        seen.push({
          step: seen.length + 1,
          top: likeliest(probabilities.subarray(i * k, (i + 1) * k), classes, topK),
          ...(vertical !== undefined &&
            horizontal !== undefined &&
            patch !== undefined && { box: boxOf(vertical, horizontal, side, patch) }),
        });
      });
    }
    return beliefs.map(seen => this.answer(seen));
  }

  dispose(): void {
    this.#runner.dispose();
    disposeTree(this.loaded.variables);
  }

  /** One for each step but the last. */
  private thresholds({ threshold, budget }: PredictOptions): readonly number[] {
    const { checkpoint, model } = this.loaded;
    if (budget === undefined) {
      const common = checkThreshold(threshold ?? 0.975);
      return Array.from({ length: model.steps.length - 1 }, () => common);
    }
    if (threshold === undefined) return thresholdsForBudget(checkpoint, budget);
    throw new UsageError({
      problem: 'a threshold and a budget exclude each other',
      given: `threshold ${threshold}, budget ${budget}`,
      allowed: 'one of the two',
    });
  }

  private answer(beliefs: readonly Belief[]): Prediction {
    const { multiAdds } = this.loaded.model;
    const top = beliefs.at(-1)?.top ?? [];
    const [best] = top;
    return {
      class: best?.class ?? -1,
      label: best?.label ?? '',
      probability: best?.probability ?? 0,
      top,
      steps: beliefs.length,
      boxes: beliefs.flatMap(({ box }) => (box ? [box] : [])),
      multiAdds: multiAdds.slice(0, beliefs.length).reduce((sum, cost) => sum + cost, 0),
      beliefs,
    };
  }
}

function checkThreshold(threshold: number): number {
  if (threshold > 0 && threshold < 1) return threshold;
  if (threshold === 1) return Infinity;
  throw new UsageError({
    problem: 'a confidence threshold out of range',
    given: String(threshold),
    allowed: 'above 0, up to 1 (all steps)',
  });
}

function atLeastOne(option: string, value: number): number {
  if (Number.isInteger(value) && value >= 1) return value;
  throw new UsageError({
    problem: `${option} out of range`,
    given: String(value),
    allowed: 'a whole number, 1 or more',
  });
}
