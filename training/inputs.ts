/** A batch as what networks learn from. */
import * as tf from '@tensorflow/tfjs-core';
import type { Batch } from '../src/data/loader.js';
import type { ModelConfig } from '../src/model/config.js';
import type { Random } from '../src/random/index.js';
import type { DescentConfig } from './config.js';
import { mixedInJoint } from './mix.js';
import type { ClassWeights } from './targets.js';
import { answersOf } from './targets.js';

/** Images, mixed by draws from `random` where the configuration says so, and what they are to be answered with. */
export function inputsOf(
  batch: Batch,
  { side, channels }: Pick<ModelConfig, 'side' | 'channels'>,
  config: DescentConfig,
  classWeights: ClassWeights,
  random: Random,
) {
  const { images, ...labels } = mixedInJoint(batch, side, config, random);
  return {
    ...answersOf(labels, { ...config, classWeights }),
    images: tf.tensor4d(images, [batch.size, side, side, channels]),
  };
}
