/** Makes the report's pictures: image, glance, crops, and what the network believed. */
import * as tf from '@tensorflow/tfjs-core';
import { boxOf } from '../crop/box.js';
import { nameIn, type Dataset } from '../data/dataset.js';
import { encodePicture } from '../data/decode.js';
import type { Examples } from '../evaluation/index.js';
import { likeliest, softmax } from '../evaluation/index.js';
import type { SetOutputs } from '../model/outputs.js';
import { resize } from '../nn/resize.js';
import type { LoadedGFNet } from '../predict/load.js';
import type { Gallery, GallerySample } from '../report/index.js';

/** Of each belief. */
const shownClasses = 3;

/** `exit`: the step (1 to T) at which each image leaves, [n]. */
export async function collectGallery(
  loaded: LoadedGFNet,
  test: Dataset,
  outputs: SetOutputs,
  exit: Int32Array,
  examples: Examples,
): Promise<Gallery> {
  const draw = (indices: readonly number[]): Promise<GallerySample[]> =>
    Promise.all(indices.map(index => sample(loaded, test, outputs, index, exit[index] ?? 1)));
  return {
    right: await draw(examples.right),
    worst: await draw(examples.worst),
    wrong: await draw(examples.wrong),
    longest: await draw(examples.longest),
  };
}

async function sample(
  { gfnet }: LoadedGFNet,
  test: Dataset,
  outputs: SetOutputs,
  index: number,
  exitStep: number,
): Promise<GallerySample> {
  const { side, channels, patch, interpolation, classes } = gfnet.config;
  const pixels = new Float32Array(side * side * channels);
  const label = new Int32Array(1);
  const place = outputs.indices[index] ?? 0;
  await test.read(Int32Array.of(place), 0, pixels, label);
  const small = { height: patch, width: patch, channels };
  const beliefs = outputs.logits.map((logits, t) => ({
    step: t + 1,
    top: likeliest(
      softmax(logits.subarray(index * classes.length, (index + 1) * classes.length), classes.length),
      classes,
      shownClasses,
    ),
  }));
  const crops = outputs.actions.slice(0, exitStep).flatMap((actions, t) => {
    if (!actions) return [];
    return [{ box: boxOf(actions[2 * index] ?? 0, actions[2 * index + 1] ?? 0, side, patch), step: t + 1 }];
  });
  return {
    name: nameIn(test, place),
    image: await encodePicture(pixels, test.shape),
    side,
    glance: await encodePicture(glanceOf(pixels), small),
    crops,
    beliefs: beliefs.slice(0, exitStep),
    truth: classes[label[0] ?? 0] ?? '',
    predicted: beliefs[exitStep - 1]?.top[0]?.label ?? '',
    exitStep,
  };

  /** A picture of it: bicubic interpolation goes beyond the values it lies between. */
  function glanceOf(image: Float32Array): Float32Array {
    return tf.tidy(() => {
      const glance = resize(tf.tensor4d(image, [1, side, side, channels]), patch, interpolation);
      return tf.clipByValue(glance, 0, 1).dataSync<'float32'>();
    });
  }
}
