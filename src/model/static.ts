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
import type { ModelConfig } from './config.js';

export class StaticNetwork {
  private readonly encode;

  /** `input`: the side that images are resized to before the encoder. */
  constructor(
    readonly config: ModelConfig,
    readonly input: number,
  ) {
    this.encode = createEncoder(config.encoder);
  }

  /** images [n, side, side, c] in [0, 1] -> logits [n, classes]. */
  classify(scope: Scope, images: Tensor4D): Tensor2D {
    const { mean, std, interpolation, classes } = this.config;
    const normalised = tf.div<Tensor4D>(tf.sub(images, tf.tensor1d([...mean])), tf.tensor1d([...std]));
    const { pooled } = this.encode(scope, resize(normalised, this.input, interpolation));
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
