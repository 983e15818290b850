import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Tensors } from '../../src/engine/gradients.js';
import { differentiate } from '../../src/engine/gradients.js';
import { conv2d, crossEntropy } from '../../src/engine/ops.js';
import { startEngine } from '../../src/engine/start.js';
import { batchNorm, gru, linear } from '../../src/nn/layers.js';
import { interpolations } from '../../src/nn/kernels.js';
import { resize } from '../../src/nn/resize.js';
import { apply } from '../../src/nn/scope.js';
import { logProbability, entropy } from '../../src/policy/index.js';
import { pseudo } from '../helpers/pseudo.js';
import { expectClose, fixture } from '../helpers/pytorch.js';

beforeAll(() => startEngine());

/** Gradients of sum(output * weights), as PyTorch's backward(weights). */
function backward(inputs: Tensors, weights: tf.Tensor, f: (inputs: Tensors) => tf.Tensor): Tensors {
  return differentiate(inputs, given => ({ loss: tf.sum(tf.mul(f(given), weights)), auxiliary: [] }))
    .gradients;
}

function at(tensors: Tensors, name: string): tf.Tensor {
  const tensor = tensors[name];
  if (!tensor) throw new RangeError(name);
  return tensor;
}

describe('equal to PyTorch', () => {
  it.each(['k1-s2-even', 'k1-s2-odd', 'k3-s1', 'k3-s2-even', 'k3-s2-odd', 'k5-s2-even'])(
    'conv2d %s',
    name => {
      const f = fixture(`conv2d-${name}`);
      const [stride, padding] = [Number(f.metadata.stride), Number(f.metadata.padding)];
      const inputs = { x: f.image('input'), w: f.filter('weight') };
      const run = (t: Tensors): tf.Tensor =>
        conv2d(at(t, 'x') as tf.Tensor4D, at(t, 'w') as tf.Tensor4D, stride, padding);
      expectClose(run(inputs), f.image('expected'));
      const gradients = backward(inputs, f.image('grad/output'), run);
      expectClose(at(gradients, 'x'), f.image('grad/input'));
      expectClose(at(gradients, 'w'), f.filter('grad/weight'));
    },
  );

  it('batch norm: two training steps, running statistics, gradients, evaluation', () => {
    const f = fixture('batch-norm');
    const parameters = { weight: f.tensor('weight/weight'), bias: f.tensor('weight/bias') };
    let statistics: Tensors = {
      running_mean: f.tensor('weight/running_mean'),
      running_var: f.tensor('weight/running_var'),
    };
    for (const step of [0, 1]) {
      const { result, statistics: next } = apply({ parameters, statistics }, true, scope =>
        batchNorm(scope, f.image(`input/${step}`)),
      );
      expectClose(result, f.image(`expected/${step}`));
      expectClose(at(next, 'running_mean'), f.tensor(`after/${step}/running_mean`));
      expectClose(at(next, 'running_var'), f.tensor(`after/${step}/running_var`));
      statistics = next;
    }
    const evaluated = apply({ parameters, statistics }, false, scope => batchNorm(scope, f.image('input/0')));
    expectClose(evaluated.result, f.image('expected/eval'));
  });

  it('linear', () => {
    const f = fixture('linear');
    const inputs = { x: f.tensor('input'), weight: f.matrix('weight/weight'), bias: f.tensor('weight/bias') };
    const run = ({ x, ...parameters }: Tensors): tf.Tensor =>
      apply({ parameters, statistics: {} }, true, scope => linear(scope, x as tf.Tensor2D, 4)).result;
    expectClose(run(inputs), f.tensor('expected'));
    const gradients = backward(inputs, f.tensor('grad/output'), run);
    expectClose(at(gradients, 'x'), f.tensor('grad/input'));
    expectClose(at(gradients, 'weight'), f.matrix('grad/weight'));
    expectClose(at(gradients, 'bias'), f.tensor('grad/bias'));
  });

  it('GRU over three steps, with gradients', () => {
    const f = fixture('gru');
    const inputs = {
      x: f.tensor('input'),
      weight_ih: f.matrix('weight/weight_ih'),
      weight_hh: f.matrix('weight/weight_hh'),
      bias_ih: f.tensor('weight/bias_ih'),
      bias_hh: f.tensor('weight/bias_hh'),
    };
    const run = ({ x, ...parameters }: Tensors): tf.Tensor =>
      apply({ parameters, statistics: {} }, true, scope => {
        let hidden: tf.Tensor2D = tf.zeros([5, 6]);
        const steps = tf.unstack(x as tf.Tensor3D) as tf.Tensor2D[];
        return tf.stack(steps.map(step => (hidden = gru(scope, step, hidden))));
      }).result;
    expectClose(run(inputs), f.tensor('expected'));
    const gradients = backward(inputs, f.tensor('grad/output'), run);
    expectClose(at(gradients, 'x'), f.tensor('grad/input'));
    expectClose(at(gradients, 'weight_ih'), f.matrix('grad/weight_ih'));
    expectClose(at(gradients, 'weight_hh'), f.matrix('grad/weight_hh'));
    expectClose(at(gradients, 'bias_ih'), f.tensor('grad/bias_ih'));
    expectClose(at(gradients, 'bias_hh'), f.tensor('grad/bias_hh'));
  });

  it('cross entropy', () => {
    const f = fixture('cross-entropy');
    const target = tf.oneHot(
      tf.cast(f.tensor<tf.Tensor1D>('labels'), 'int32'),
      10,
      1,
      0,
      'float32',
    ) as tf.Tensor2D;
    const { loss, gradients } = differentiate({ logits: f.tensor('logits') }, ({ logits }) => ({
      loss: crossEntropy(logits as tf.Tensor2D, target, tf.fill([6], 1 / 6)),
      auxiliary: [],
    }));
    expectClose(loss, f.tensor('expected'));
    expectClose(at(gradients, 'logits'), f.tensor('grad/logits'));
  });

  it.each(['60-28', '100-28', '7-5'])('interpolate %s', name => {
    const f = fixture(`interpolate-${name}`);
    const side = Number(name.split('-')[1]);
    for (const kind of ['bilinear', 'bicubic'] as const) {
      expectClose(resize(f.image('input'), side, kind), f.image(`expected/${kind}`), 1e-5);
    }
  });

  it.each([96, 112, 128])('a glance of 224 pixels at %i', side => {
    const image = tf.tensor4d(pseudo('glance', 224 * 224), [1, 224, 224, 1]);
    for (const kind of interpolations) {
      const glance = resize(image, side, kind);
      const fifths = tf.stridedSlice(glance, [0, 0, 0, 0], glance.shape, [1, 5, 5, 1]);
      expectClose(tf.squeeze(fifths), fixture('resample').tensor(`glance/${kind}/${side}`), 1e-4);
    }
  });

  it.each([1, 17, 32, 49])('50 x 53 pixels to %i, as computed one by one (Keys 1981; a = -0.75)', side => {
    const [height, width, channels] = [50, 53, 2];
    const image = pseudo('odd', height * width * channels);
    const weightOf = {
      bilinear: (d: number) => Math.max(0, 1 - d),
      bicubic: (d: number) => {
        if (d < 1) return 1.25 * d ** 3 - 2.25 * d ** 2 + 1;
        return d < 2 ? -0.75 * d ** 3 + 3.75 * d ** 2 - 6 * d + 3 : 0;
      },
    };
    for (const kind of interpolations) {
      const near = (size: number, i: number): [number, number][] => {
        const centre = side > 1 ? (i * (size - 1)) / (side - 1) : 0;
        return [-1, 0, 1, 2].map(k => {
          const j = Math.floor(centre) + k;
          return [Math.min(Math.max(j, 0), size - 1), weightOf[kind](Math.abs(centre - j))];
        });
      };
      const expected = Array.from({ length: side * side * channels }, (_, at) => {
        const [y, x, c] = [
          Math.floor(at / (side * channels)),
          Math.floor(at / channels) % side,
          at % channels,
        ];
        let sum = 0;
        for (const [i, a] of near(height, y))
          for (const [j, b] of near(width, x)) sum += a * b * (image[(i * width + j) * channels + c] ?? 0);
        return sum;
      });
      const given = resize(tf.tensor4d(image, [1, height, width, channels]), side, kind);
      expectClose(given, tf.tensor4d(expected, [1, side, side, channels]), 1e-5);
    }
  });

  it('log density and entropy of the policy’s Gaussian', () => {
    const f = fixture('gaussian');
    expectClose(
      logProbability(f.tensor('action'), f.tensor('mean'), 0.1),
      f.tensor('expected/log_prob'),
      1e-4,
    );
    expect(entropy(0.1)).toBeCloseTo(f.tensor('expected/entropy').dataSync()[0] ?? NaN, 5);
  });
});
