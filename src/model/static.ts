/** The line to beat: the same encoder, once, on the whole image at one size. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor2D, Tensor4D } from '@tensorflow/tfjs-core';
import { createEncoder } from '../encoders/registry.js';
import { linear } from '../nn/layers.js';
import { resize } from '../nn/resize.js';
import type { Scope, Variables } from '../nn/scope.js';
import { apply, build, multiAddsOf } from '../nn/scope.js';
import type { Random } from '../random/index.js';
import type { AnytimeModel } from './anytime.js';
import type { StaticConfig } from './config.js';
import { normalise } from './normalise.js';

export class StaticNetwork {
  private readonly encode;

  constructor(readonly config: StaticConfig) {
    this.encode = createEncoder(config.encoder);
  }

  /** images [n, side, side, c] in [0, 1] -> logits [n, classes]. */
  classify(scope: Scope, images: Tensor4D): Tensor2D {
    const { input, interpolation, classes } = this.config;
    const { pooled } = this.encode(scope, normalise(resize(images, input, interpolation), this.config));
    return linear(scope.at('head'), pooled, classes.length);
  }

  initialise(values: Random | 'zeros'): { variables: Variables; multiAdds: number } {
    let cost = 0;
    const { side, channels } = this.config;
    const variables = build(values, (scope, spent) => {
      this.classify(scope, tf.zeros([1, side, side, channels]));
      cost = multiAddsOf(spent());
    });
    return { variables, multiAdds: cost };
  }

  anytime(variables: () => Variables, multiAdds: number): AnytimeModel {
    const { side, channels, classes } = this.config;
    return {
      classes,
      side,
      channels,
      variables,
      multiAdds: [multiAdds],
      steps: [
        (variables, { images }) => ({
          logits: apply(variables, false, scope => this.classify(scope, images)).result,
          state: [],
        }),
      ],
      initial: () => [],
    };
  }
}
