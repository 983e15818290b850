/** Classifies images, taking only as many steps as each image needs; whatever computes the steps. */
import { boxOf } from '../crop/box.js';
import type { ImageTarget } from '../data/dataset.js';
import { UsageError } from '../errors/index.js';
import { likeliest } from '../evaluation/softmax.js';
import type { ThresholdRule } from './budget.js';
import type { Lane, Lanes, Looked } from './conveyor.js';
import { blocksFor, Conveyor, memoryFor, storeLength } from './conveyor.js';
import { requireIterable, requirePixels } from './given.js';
import { Intake } from './intake.js';
import { checkOptions } from './options.js';
import type { Belief, ImageSource, Prediction, PredictOptions } from './prediction.js';
import type { Decoded, Failed, Outcome } from './stream.js';
import type { StepRunner } from './step-runner.js';
import { measureStepTimes } from './step-times.js';
import { Stopwatch } from './stopwatch.js';

/** A model in some engine, and how `Image`s become what it takes. */
export interface ReadyModel<Image = ImageSource> {
  readonly runner: StepRunner;
  /** Where streams go, if not through the runner. */
  readonly lanes?: Lanes;
  /**
   * Brings an image to the target.
   * @param maxPixels encoded images of more are refused
   * @throws ImageError for one that cannot be decoded
   */
  decode(image: Image, target: ImageTarget, maxPixels: number | undefined): Promise<Uint8Array>;
  readonly target: ImageTarget;
  readonly classes: readonly string[];
  /** Side of the crops, in pixels; undefined where none are taken. */
  readonly patch: number | undefined;
  /** Of each step alone, for one image. */
  readonly multiAdds: readonly number[];
  /** The thresholds for a budget or a promise, by its evaluation. @throws UsageError where there is none */
  thresholdsFor(rule: ThresholdRule): readonly number[];
}

/** Rows of a batch with what is believed of each after a step. */
type Beliefs = readonly (readonly [row: number, belief: Belief])[];

/** An image of a stream, in its turn. */
interface Entry<Source> {
  readonly given: Decoded<Source> | Failed<Source>;
  readonly beliefs: Belief[];
  /** Whether all is known of it. */
  settled: boolean;
}

/** `Image`: what it can decode. */
export class Predictor<Image = ImageSource> {
  readonly #stopwatch: Stopwatch;
  #store: Uint8Array | undefined;
  #stepTimes: Promise<readonly number[]> | undefined;
  #disposal: Promise<void> | undefined;

  constructor(private readonly model: ReadyModel<Image>) {
    this.#stopwatch = new Stopwatch(model.runner.networks, model.multiAdds);
  }

  get classes(): readonly string[] {
    return this.model.classes;
  }

  /** What images are brought to: their short side is resized, and their centre is cut out. */
  get shape(): ImageTarget {
    return this.model.target;
  }

  /** Of each step alone, for one image. */
  get multiAdds(): readonly number[] {
    return this.model.multiAdds;
  }

  /**
   * Milliseconds that each step takes for one image by itself, on this machine: medians of up to 51 passes, a second or less for most
   * networks. Measured when first asked for, here or by a budget in milliseconds, and remembered.
   * @throws UsageError after `dispose`
   */
  async stepMilliseconds(): Promise<readonly number[]> {
    this.#goOn({});
    this.#stepTimes ??= measureStepTimes(this.model.runner);
    return this.#stepTimes;
  }

  /**
   * Predicts in the order given. Images that are confident leave the batch; later steps are computed only for the others.
   * @param images paths, encoded images, or raw pixels
   * @throws ImageError for one that cannot be decoded; UsageError for options out of range
   */
  async predict(images: readonly Image[], options: PredictOptions = {}): Promise<Prediction[]> {
    const predictions: Prediction[] = [];
    for await (const outcome of this.stream(images, options)) {
      if ('error' in outcome) throw outcome.error;
      predictions.push(outcome.prediction);
    }
    return predictions;
  }

  /**
   * Predicts image after image without end, in the order given: while a batch is computed the next is decoded, and images that are not
   * confident wait until they fill a batch of a later step, for no longer than the next batches take (four, or 128 images). Where no more come
   * for a moment (50 ms), those that are there are answered. An image that cannot be decoded does not stop the others.
   * Where the model was loaded with workers they take the batches, each those that it has room for; an array of no more images than a batch,
   * and images that have a time (`maxMs`), are computed here.
   */
  async *stream<Source extends Image>(
    images: Iterable<Source> | AsyncIterable<Source>,
    options: PredictOptions = {},
  ): AsyncGenerator<Outcome<Source>> {
    this.#begin(options);
    requireIterable(images);
    const { batchSize = 64 } = options;
    const decode = (source: Source): Promise<Uint8Array> =>
      this.model.decode(source, this.shape, options.maxPixels);
    const several = !Array.isArray(images) || images.length > batchSize;
    const lane = await this.lane(options, batchSize, several);
    const topK = this.topK(options);
    const entries: Entry<Source>[] = [];
    let first = 0;
    const note = (looked: Looked): void => {
      looked.images.forEach(({ id, step, last }, i) => {
        const entry = entries[id - first];
        const belief = this.belief(looked, i, step, topK);
        entry?.beliefs.push(belief);
        options.onStep?.(belief, id);
        if (entry) entry.settled = last;
      });
    };
    const settled = (): Outcome<Source>[] => {
      const waits = entries.findIndex(entry => !entry.settled);
      const done = entries.splice(0, waits < 0 ? entries.length : waits);
      first += done.length;
      return done.map(({ given, beliefs }) =>
        'error' in given ? given : { ...given, prediction: this.answer(beliefs) },
      );
    };
    const { signal } = options;
    try {
      for await (const batch of new Intake(images, { size: batchSize, decode, signal }).batches()) {
        const ids = batch.flatMap((given, i) => ('pixels' in given ? [first + entries.length + i] : []));
        entries.push(...batch.map(given => ({ given, beliefs: [], settled: 'error' in given })));
        const pixels = batch.flatMap(given => ('pixels' in given ? [given.pixels] : []));
        for await (const looked of lane.put(pixels, ids)) {
          note(looked);
          yield* settled();
        }
        // Others to be computed with are not there for now, or may come too late.
        if (batch.length < batchSize || options.maxMs !== undefined) {
          for await (const looked of lane.finish()) {
            note(looked);
            yield* settled();
          }
        }
        yield* settled();
      }
    } finally {
      lane.dispose();
    }
  }

  /** What is believed of one image after each step, as soon as it has been taken; none is taken that is not asked for. */
  async *steps(image: Image, options: Omit<PredictOptions, 'onStep'> = {}): AsyncGenerator<Belief> {
    this.#begin(options);
    const pixels = await this.model.decode(image, this.shape, options.maxPixels);
    for await (const [belief] of this.beliefs([pixels], options)) if (belief) yield belief[1];
  }

  /**
   * Predicts images that are pixels already: [height, width, channels] bytes of `shape` each; all in one batch. They must not
   * change until it is done.
   * @throws ImageError for pixels of another size; UsageError for options out of range
   */
  async predictPixels(images: readonly Uint8Array[], options: PredictOptions = {}): Promise<Prediction[]> {
    this.#begin(options);
    requirePixels(images, this.shape);
    const seen: Belief[][] = images.map(() => []);
    for await (const beliefs of this.beliefs(images, options)) {
      for (const [row, belief] of beliefs) {
        seen[row]?.push(belief);
        options.onStep?.(belief, row);
      }
    }
    return seen.map(beliefs => this.answer(beliefs));
  }

  /** What is on its way, or asked for after this, ends with a UsageError; a second time it does nothing. */
  dispose(): Promise<void> {
    this.#store = undefined;
    const { runner, lanes } = this.model;
    this.#disposal ??= Promise.all([runner.dispose(), lanes?.dispose()]).then(() => undefined);
    return this.#disposal;
  }

  #begin(options: PredictOptions): void {
    checkOptions(options);
    this.#goOn(options);
  }

  /** @throws UsageError after `dispose`; the signal's reason where it is aborted */
  #goOn({ signal }: PredictOptions): void {
    signal?.throwIfAborted();
    if (this.#disposal === undefined) return;
    throw new UsageError({
      problem: 'the model was disposed of',
      mend: 'load it again, or call dispose when it has answered all images',
    });
  }

  private async *beliefs(images: readonly Uint8Array[], options: PredictOptions): AsyncGenerator<Beliefs> {
    const topK = this.topK(options);
    const conveyor = await this.conveyor(options, Math.max(1, images.length), 1);
    try {
      for await (const looked of conveyor.all(images)) {
        yield looked.images.map(({ id, step }, i) => [id, this.belief(looked, i, step, topK)] as const);
      }
    } finally {
      conveyor.dispose();
    }
  }

  /** Memory for the images of a stream: that of the last one, if no other has it, for memory that was never written to costs time. */
  private lend(batchSize: number, length: number): Uint8Array {
    const store = this.#store;
    this.#store = undefined;
    return store?.length === length ? store : memoryFor(batchSize, length, bytes => new Uint8Array(bytes));
  }

  /**
   * What takes the steps of a stream. Those that are to be in time are taken here, where all threads go at them, and so is a batch by itself.
   * @param several whether there may be several batches
   */
  private async lane(options: PredictOptions, batchSize: number, several: boolean): Promise<Lane> {
    const { runner, lanes } = this.model;
    const blocks = blocksFor(batchSize);
    if (lanes && several && options.maxMs === undefined) {
      const thresholds = await this.thresholds(options);
      this.#goOn(options);
      return lanes.begin({ batchSize, thresholds, blocks }, () => this.#goOn(options));
    }
    const store = this.lend(batchSize, storeLength(runner, { batchSize, blocks }));
    const conveyor = await this.conveyor(options, batchSize, blocks, store);
    return {
      put: (images, ids) => conveyor.put(images, ids),
      finish: () => conveyor.finish(),
      dispose: () => {
        conveyor.dispose();
        this.#store = store;
      },
    };
  }

  private async conveyor(
    options: PredictOptions,
    batchSize: number,
    blocks: number,
    store?: Uint8Array,
  ): Promise<Conveyor<unknown>> {
    const thresholds = await this.thresholds(options);
    const { maxMs } = options;
    const stopwatch = this.#stopwatch;
    const goOn = (): void => this.#goOn(options);
    return new Conveyor(this.model.runner, {
      ...{ batchSize, thresholds, blocks, maxMs, stopwatch, goOn },
      ...(store && { store }),
    });
  }

  private topK({ topK = 5 }: PredictOptions): number {
    return Math.min(topK, this.model.classes.length);
  }

  private belief(
    { answer: { probabilities, actions } }: Looked,
    i: number,
    step: number,
    topK: number,
  ): Belief {
    const { classes, patch, target } = this.model;
    const k = classes.length;
    const [vertical, horizontal] = actions?.subarray(2 * i, 2 * i + 2) ?? [];
    return {
      step,
      top: likeliest(probabilities.subarray(i * k, (i + 1) * k), classes, topK),
      ...(vertical !== undefined &&
        horizontal !== undefined &&
        patch !== undefined && { box: boxOf(vertical, horizontal, target.height, patch) }),
    };
  }

  /** One for each step but the last. */
  private async thresholds(options: PredictOptions): Promise<readonly number[]> {
    const { threshold = 0.975, budget, maxAccuracyDrop, confidence = 0.95 } = options;
    if (typeof budget === 'number') return this.model.thresholdsFor({ budget });
    if (budget !== undefined) {
      return this.model.thresholdsFor({ budget, times: await this.stepMilliseconds() });
    }
    if (maxAccuracyDrop !== undefined) {
      return this.model.thresholdsFor({ maxDrop: maxAccuracyDrop, confidence });
    }
    const common = threshold === 1 ? Infinity : threshold;
    return Array.from({ length: this.model.multiAdds.length - 1 }, () => common);
  }

  private answer(beliefs: readonly Belief[]): Prediction {
    const { multiAdds } = this.model;
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
