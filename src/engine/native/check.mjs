// check.mjs ROOT JPEG KERNELS: loads tfjs-node as ROOT resolves it, computes 1 + 2, and prints what the binding is and has; decodes with the
// module JPEG and computes with the module KERNELS, where there is one.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import process from 'node:process';
import util from 'node:util';

// tfjs-node calls this function, which Node 23 removed.
util.isNullOrUndefined ??= value => value === null || value === undefined;

const [root, jpegModule, kernelsModule] = process.argv.slice(2);
const require = createRequire(join(root, 'package.json'));
const tf = require('@tensorflow/tfjs-node');
const { binding } = tf.backend();
const functions = Object.getOwnPropertyNames(binding).filter(name => typeof binding[name] === 'function');
const sum = tf.add(1, 2).dataSync()[0];
const tensorflow = binding.TF_Version;
console.log(JSON.stringify({ tensorflow, functions, sum, level: decodedLevel(), hardSwish: hardSwishOf3() }));

/** Of the middle of 8 x 8 pixels that are all 200. */
function decodedLevel() {
  if (!existsSync(jpegModule)) return null;
  const image = Buffer.from(
    '/9j/2wBDABALDA4MChAODQ4SERATGCgaGBYWGDEjJR0oOjM9PDkzODdASFxOQERXRTc4UG1RV19iZ2hnPk1xeXBkeFxlZ2P/wAALCAAIAAgBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAABv/EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8ASP/Z',
    'base64',
  );
  const level = new Uint8Array(1);
  return require(jpegModule).decode(image, 1, 8, 4, 4, 1, 1, level) ? level[0] : null;
}

function hardSwishOf3() {
  if (!existsSync(kernelsModule)) return null;
  require(kernelsModule);
  const activation = { name: 'activation', type: binding.TF_ATTR_INT, value: 3 };
  return tf
    .backend()
    .executeSingleOutput('GfnetActivation', [activation], [tf.scalar(3)])
    .dataSync()[0];
}
