/** As a program: the sums of bits of what steps give that run one after the other on so many threads, each named by how many branches it has. */
import { createHash } from 'node:crypto';
import * as tf from '@tensorflow/tfjs-core';
import type { Scalar, Tensor4D } from '@tensorflow/tfjs-core';
import { compile } from '../../../src/engine/compile.js';
import { differentiate } from '../../../src/engine/gradients.js';
import { conv2d } from '../../../src/engine/ops.js';
import { startEngine } from '../../../src/engine/start.js';
import { leaves } from '../../../src/engine/tensor-tree.js';
import { normal, stream } from '../../../src/random/index.js';

const [threads, ...branches] = process.argv.slice(2).map(Number);
startEngine({ threads: threads ?? 1 });

const draw = (name: string, shape: [number, number, number, number]): Tensor4D =>
  tf.tensor4d(normal(stream(1, name), tf.util.sizeFromShape(shape)), shape);
const filters = { a: draw('a', [3, 3, 16, 16]), b: draw('b', [3, 3, 16, 16]) };

for (const count of branches) {
  const images = Array.from({ length: count }, (_, i) => draw(String(i), [16, 14, 14, 16]));
  const step = compile((filters: Record<string, Tensor4D>, { images }: { images: Tensor4D[] }) =>
    differentiate(filters, filters => {
      const losses = images.map(image => {
        const first = conv2d(image, filters.a as Tensor4D, 1, 1);
        return tf.sum<Scalar>(tf.square(conv2d(first, filters.b as Tensor4D, 1, 1)));
      });
      return { loss: tf.addN(losses), auxiliary: {} };
    }),
  );
  const hash = createHash('sha256');
  for (const tensor of leaves(step(filters, { images }))) hash.update(tensor.dataSync());
  console.log(hash.digest('hex'));
}
