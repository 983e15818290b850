// check.mjs ROOT: loads tfjs-node as ROOT resolves it, computes 1 + 2, and prints what the binding is and has.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import process from 'node:process';
import util from 'node:util';

// tfjs-node calls this function, which Node 23 removed.
util.isNullOrUndefined ??= value => value === null || value === undefined;

const tf = createRequire(join(process.argv[2], 'package.json'))('@tensorflow/tfjs-node');
const { binding } = tf.backend();
const functions = Object.getOwnPropertyNames(binding).filter(name => typeof binding[name] === 'function');
console.log(JSON.stringify({ tensorflow: binding.TF_Version, functions, sum: tf.add(1, 2).dataSync()[0] }));
