/** What a network costs as a classifier of ImageNet. */
import * as tf from '@tensorflow/tfjs-core';
import { disposeTree, leaves } from '../engine/tensor-tree.js';
import { linear } from '../nn/layers.js';
import { build, multiAddsOf } from '../nn/scope.js';
import type { Encoder } from './encoder.js';

/** Of ImageNet. */
const classes = 1000;

export interface Measured {
  readonly parameters: number;
  /** Of one image of 3 channels, by the side of it in pixels. */
  readonly multiAdds: ReadonlyMap<number, number>;
}

/** Counts by building the network, with a head of 1000 classes, and running it on an image of each side; the engine has to be started. */
export function measure(encode: Encoder, sides: readonly number[]): Measured {
  const multiAdds = new Map<number, number>();
  const variables = build('zeros', (scope, spent) => {
    for (const side of sides) {
      tf.tidy(() => linear(scope.at('head'), encode(scope, tf.zeros([1, side, side, 3])).pooled, classes));
      multiAdds.set(side, multiAddsOf(spent()));
    }
  });
  const parameters = leaves(variables.parameters).reduce((sum, { size }) => sum + size, 0);
  disposeTree(variables);
  return { parameters, multiAdds };
}
