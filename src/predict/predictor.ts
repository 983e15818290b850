/** Classifies images, taking only as many steps as each image needs; whatever computes the steps. */
import { boxOf } from '../crop/box.js';
import type { ImageTarget } from '../data/dataset.js';
import { UsageError } from '../errors/index.js';
import type { Promised } from '../evaluation/risk.js';
import { likeliest } from '../evaluation/softmax.js';
import type { StepAnswer } from '../model/answer.js';
import type { Belief, ImageSource, Prediction, PredictOptions } from './prediction.js';
import type { Outcome } from './stream.js';
import { inBatches } from './stream.js';

/** Takes steps with batches of images. */
export interface StepRunner {
  /**
   * @param images [n, side, side, channels] in [0, 1]; not to be changed while this runs
   * @param thresholds one for each step but the last: images leave once their confidence reaches it
   */
  run(images: Float32Array, thresholds: readonly number[]): Iterable<StepAnswer> | AsyncIterable<StepAnswer>;
  dispose(): void | Promise<void>;
}

/** How thresholds are chosen: within mean Multi-Adds for one image, or so that little is lost. */
export type ThresholdRule = { readonly budget: number } | Promised;

/** A model in some engine, and how `Image`s become what it takes. */
export interface ReadyModel<Image = ImageSource> {
  readonly runner: StepRunner;
  /**
   * Brings an image to the target.
   * @param maxPixels encoded images of more are refused
   * @throws ImageError for one that cannot be decoded
   */
  decode(image: Image, target: ImageTarget, maxPixels: number | undefined): Promise<Float32Array>;
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

/** `Image`: what it can decode. */
export class Predictor<Image = ImageSource> {
  constructor(private readonly model: ReadyModel<Image>) {}

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
   * Predicts image after image without end, in the order given: while a batch is computed the next is decoded, and no more than these
   * are in memory. An image that cannot be decoded does not stop the others.
   */
  async *stream<Source extends Image>(
    images: Iterable<Source> | AsyncIterable<Source>,
    options: PredictOptions = {},
  ): AsyncGenerator<Outcome<Source>> {
    const batchSize = atLeastOne('batchSize', options.batchSize ?? 64);
    const decode = (source: Source): Promise<Float32Array> =>
      this.model.decode(source, this.shape, options.maxPixels);
    let done = 0;
    for await (const batch of inBatches(images, batchSize, decode, options.signal)) {
      const decoded = batch.filter(entry => 'pixels' in entry);
      const first = done;
      const predictions = await this.predictPixels(
        decoded.map(({ pixels }) => pixels),
        {
          ...options,
          ...(options.onStep && {
            onStep: (belief: Belief, row: number) =>
              options.onStep?.(belief, first + batch.indexOf(decoded[row] as (typeof batch)[number])),
          }),
        },
      );
      const rest = predictions.values();
      for (const entry of batch) {
        if ('error' in entry) yield entry;
        else
          yield { source: entry.source, pixels: entry.pixels, prediction: rest.next().value as Prediction };
      }
      done += batch.length;
    }
  }

  /** What is believed of one image after each step, as soon as it has been taken; none is taken that is not asked for. */
  async *steps(image: Image, options: Omit<PredictOptions, 'onStep'> = {}): AsyncGenerator<Belief> {
    const pixels = await this.model.decode(image, this.shape, options.maxPixels);
    for await (const beliefs of this.beliefs([pixels], options))
      for (const [, belief] of beliefs) yield belief;
  }

  /**
   * Predicts images that are pixels already: [height, width, channels] of `shape` each, values in [0, 1]; all in one batch.
   * @throws UsageError for options out of range
   */
  async predictPixels(images: readonly Float32Array[], options: PredictOptions = {}): Promise<Prediction[]> {
    const seen: Belief[][] = images.map(() => []);
    for await (const beliefs of this.beliefs(images, options)) {
      for (const [row, belief] of beliefs) {
        seen[row]?.push(belief);
        options.onStep?.(belief, row);
      }
    }
    return seen.map(beliefs => this.answer(beliefs));
  }

  /** The model cannot be used after this. */
  async dispose(): Promise<void> {
    await this.model.runner.dispose();
  }

  private async *beliefs(images: readonly Float32Array[], options: PredictOptions): AsyncGenerator<Beliefs> {
    const { classes, runner } = this.model;
    const thresholds = this.thresholds(options);
    const topK = Math.min(atLeastOne('topK', options.topK ?? 5), classes.length);
    if (images.length === 0) return;
    let step = 0;
    for await (const answer of runner.run(joined(images), thresholds)) {
      step++;
      yield Array.from(answer.rows, (row, i) => [row, this.belief(answer, i, step, topK)] as const);
      options.signal?.throwIfAborted();
    }
  }

  private belief({ probabilities, actions }: StepAnswer, i: number, step: number, topK: number): Belief {
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
  private thresholds(options: PredictOptions): readonly number[] {
    const { threshold, budget, maxAccuracyDrop, confidence } = oneRule(options);
    if (budget !== undefined) return this.model.thresholdsFor({ budget });
    if (maxAccuracyDrop !== undefined) {
      return this.model.thresholdsFor({
        maxDrop: between0And1('maxAccuracyDrop', maxAccuracyDrop),
        confidence: between0And1('confidence', confidence ?? 0.95),
      });
    }
    const common = checkThreshold(threshold ?? 0.975);
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

function joined(images: readonly Float32Array[]): Float32Array {
  const [only] = images;
  if (only && images.length === 1) return only;
  const size = only?.length ?? 0;
  const all = new Float32Array(images.length * size);
  images.forEach((image, i) => all.set(image, i * size));
  return all;
}

/** @throws UsageError where the options choose thresholds in two ways */
function oneRule(options: PredictOptions): PredictOptions {
  const given = (['threshold', 'budget', 'maxAccuracyDrop'] as const).filter(
    name => options[name] !== undefined,
  );
  if (given.length > 1) {
    throw new UsageError({
      problem: 'thresholds are chosen in one way',
      given: given.map(name => `${name} ${options[name]}`).join(', '),
      allowed: 'one of threshold, budget and maxAccuracyDrop',
    });
  }
  if (options.confidence !== undefined && options.maxAccuracyDrop === undefined) {
    throw new UsageError({
      problem: 'confidence says how surely maxAccuracyDrop holds, and is of no use without it',
      given: `confidence ${options.confidence}`,
      mend: 'give maxAccuracyDrop too; the confidence at which an image is answered is threshold',
    });
  }
  return options;
}

function between0And1(option: string, value: number): number {
  if (value > 0 && value < 1) return value;
  throw new UsageError({
    problem: `${option} out of range`,
    given: String(value),
    allowed: 'between 0 and 1',
  });
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
