/** What a batch is to be answered with: label smoothing, class weights and mixed labels as distributions over the classes. */
import * as tf from '@tensorflow/tfjs-core';
import { sumOverWorkers } from '../src/engine/collectives.js';
import { ConfigError } from '../src/errors/index.js';
import { unknownName } from '../src/errors/did-you-mean.js';
import type { Dataset } from '../src/data/dataset.js';

export interface Targets {
  /** [n, classes]; each row sums to 1. */
  readonly targets: Float32Array;
  /** [n]: what each image counts in the loss. */
  readonly weights: Float32Array;
}

/** Labels of a batch; where images are mixed, `share` of each is its own and the rest is of another with the label `others`. */
export interface Labels {
  readonly labels: Int32Array;
  readonly others?: Int32Array;
  readonly share?: number;
}

/** By class index. */
export type ClassWeights = Float64Array;

/** All classes count as much. */
export function evenly(classes: readonly string[]): ClassWeights {
  return new Float64Array(classes.length).fill(1);
}

/**
 * So that sum_i weights_i CE(p_i, targets_i) is PyTorch's `cross_entropy(weight, label_smoothing)`: each class's part of a smoothed
 * label counts by the class's weight, and all of it is divided by the sum of the images' own weights. A mixed image's own weight is
 * mixed too.
 * @param joint the sum of the weights of the joint batch, of which these are part, from that of these
 */
export function targetsOf(
  { labels, others = labels, share = 1 }: Labels,
  classWeights: ClassWeights,
  smoothing: number,
  joint = (own: number): number => own,
): Targets {
  const [n, classes] = [labels.length, classWeights.length];
  const targets = new Float32Array(n * classes);
  const weights = new Float32Array(n);
  const weightOf = (label: number | undefined): number => classWeights[label ?? 0] ?? 0;
  const own = Float64Array.from(
    labels,
    (label, i) => share * weightOf(label) + (1 - share) * weightOf(others[i]),
  );
  const total = joint(own.reduce((sum, weight) => sum + weight, 0));
  const row = new Float64Array(classes);
  for (let i = 0; i < n; i++) {
    row.fill(smoothing / classes);
    const [label, other] = [labels[i] ?? 0, others[i] ?? 0];
    row[label] = (row[label] ?? 0) + (1 - smoothing) * share;
    row[other] = (row[other] ?? 0) + (1 - smoothing) * (1 - share);
    let sum = 0;
    for (let c = 0; c < classes; c++) sum += row[c] = (row[c] ?? 0) * weightOf(c);
    weights[i] = sum / total;
    for (let c = 0; c < classes; c++) targets[i * classes + c] = (row[c] ?? 0) / sum;
  }
  return { targets, weights };
}

/** The same as tensors, with the labels that count as right: of mixed images those of the larger share. */
export function answersOf(
  { labels, others, share = 1 }: Labels,
  { classWeights, labelSmoothing }: { readonly classWeights: ClassWeights; readonly labelSmoothing: number },
): { targets: tf.Tensor2D; weights: tf.Tensor1D; labels: tf.Tensor1D } {
  const { targets, weights } = targetsOf(
    { labels, ...(others && { others }), share },
    classWeights,
    labelSmoothing,
    total => sumOverWorkers([total])[0] ?? NaN,
  );
  return {
    targets: tf.tensor2d(targets, [weights.length, classWeights.length]),
    weights: tf.tensor1d(weights),
    labels: tf.tensor1d(share < 0.5 ? (others ?? labels) : labels, 'int32'),
  };
}

/**
 * Weights by class: as given by name, 1 where none is given; or `balanced`: images / (classes x images of the class).
 * @throws ConfigError when a class to be balanced has no image; UsageError for a class that does not exist
 */
export function classWeightsOf(
  given: Readonly<Record<string, number>> | 'balanced' | undefined,
  { classes, size, label }: Pick<Dataset, 'classes' | 'size' | 'label'>,
): ClassWeights {
  if (given !== 'balanced') {
    const unknown = Object.keys(given ?? {}).find(name => !classes.includes(name));
    if (unknown !== undefined) throw unknownName('class in classWeights', unknown, classes);
    return Float64Array.from(classes, name => given?.[name] ?? 1);
  }
  const counts = new Float64Array(classes.length);
  for (let i = 0; i < size; i++) counts[label(i)] = (counts[label(i)] ?? 0) + 1;
  const missing = classes.find((_, c) => counts[c] === 0);
  if (missing !== undefined) {
    throw new ConfigError({
      problem: 'classWeights cannot balance a class without images to train on',
      given: missing,
      mend: 'give images of it, or weights by name',
    });
  }
  return counts.map(count => size / (classes.length * count));
}
