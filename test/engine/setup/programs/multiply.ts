/** multiply [JPEG]: starts the engine and prints a product of two matrices; decodes the JPEG file given in base64. */
import * as tf from '@tensorflow/tfjs-core';
import { backend, startEngine } from '../../../../src/engine/start.js';

startEngine();
const product = tf.matMul(tf.tensor2d([1, 2, 3, 4], [2, 2]), tf.tensor2d([5, 6], [2, 1]));
console.log(product.dataSync().join(' '));
const [jpeg] = process.argv.slice(2);
if (jpeg !== undefined) {
  const contents = tf.scalar(Buffer.from(jpeg, 'base64'), 'string');
  backend().executeMultipleOutputs('DecodeJpeg', [], [contents], 1);
}
