import * as tf from '@tensorflow/tfjs-core';
import type { Tensor4D } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { createEncoder } from '../../src/encoders/registry.js';
import { startEngine } from '../../src/engine/start.js';
import { Runner } from '../../src/model/runner.js';
import { StaticNetwork } from '../../src/model/static.js';
import { resize } from '../../src/nn/resize.js';
import { apply } from '../../src/nn/scope.js';
import { stream } from '../../src/random/index.js';
import { fromTensor } from '../helpers/array.js';
import { smallMultiAdds } from '../helpers/multi-adds.js';
import * as naive from '../helpers/naive.js';
import { lively, noise, smallConfig } from '../helpers/network.js';
import { expectClose } from '../helpers/pytorch.js';

beforeAll(() => startEngine());

describe.each([12, 17])('static network at %i pixels', input => {
  const config = { ...smallConfig('gru', { mean: [0.4], std: [0.3] }), input };
  const network = new StaticNetwork(config);

  it('is the encoder and a linear layer, once, on the whole image', () => {
    const { variables: made, multiAdds } = network.initialise(stream(4));
    expect(multiAdds).toBe(smallMultiAdds([3, 5], input, 1) + 5 * 4);
    const variables = lively(made);
    const { values, images } = noise(config, 5);
    const model = network.anytime(() => variables, multiAdds);
    expect(model.multiAdds).toEqual([multiAdds]);
    const [answer, ...more] = [...new Runner(model).run(values, [])];
    expect(more).toEqual([]);

    const normalised = fromTensor(images)
      .map(x => (x - 0.4) / 0.3)
      .tensor<Tensor4D>();
    const encode = createEncoder(config.encoder);
    const { pooled } = apply(variables, false, scope =>
      encode(scope, resize(normalised, input, config.interpolation)),
    ).result;
    const [weight, bias] = ['head.weight', 'head.bias'].map(name =>
      fromTensor(variables.parameters[name] ?? tf.scalar(NaN)),
    );
    if (!weight || !bias) throw new RangeError('no head');
    const expected = naive.linear(fromTensor(pooled), weight, bias);
    expectClose(tf.tensor2d(answer?.logits ?? [], [5, 4]), expected.tensor());
    expect(answer?.actions).toBeNull();
  });
});
