/** Weights beyond 2 GiB, which Node 20 neither hashes, writes nor reads at once. */
import { closeSync, openSync, readFileSync, rmSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readBundle } from '../../src/bundle/files.js';
import { bytesIn } from '../../src/checkpoint/parts.js';
import { startEngine } from '../../src/engine/start.js';
import { disposeTree } from '../../src/engine/tensor-tree.js';
import { BundleError } from '../../src/errors/index.js';
import { makeBundle, writeBundle } from '../../src/export/bundle.js';
import { recordGraphs } from '../../src/export/graphs.js';
import { WeightsFile } from '../../src/export/weights.js';
import { encodeModel } from '../../src/onnx/encode.js';
import { loadModel } from '../../src/predict/load.js';
import { GFNet } from '../../src/predict/index.js';
import { temporaryFolder } from '../checkpoint/support.js';
import { noiseBytes } from '../helpers/network.js';

const patience = 180_000;
const folder = temporaryFolder();
const packaged = join(import.meta.dirname, '../../checkpoints/cluttered-60');
const large = join(folder, 'large');
const weights = join(large, 'weights.bin');

async function answersOf(bundle: string): Promise<unknown> {
  const model = await GFNet.load(bundle, { threads: 1 });
  const answers = await model.predict([readFileSync(join(packaged, 'example.png'))], { threshold: 1 });
  await model.dispose();
  return answers;
}

beforeAll(() => startEngine());
afterAll(() => rmSync(large, { recursive: true, force: true }));

it(
  'a bundle whose weights lie beyond them is written, checked, loaded and predicts',
  { timeout: patience },
  async () => {
    const loaded = loadModel(packaged);
    const pixels = noiseBytes(60 * 60);
    const { manifest, files } = await makeBundle('digits', loaded, undefined, { names: ['noise'], pixels });
    writeBundle(join(folder, 'small'), { manifest, files }, new Map());
    const file = new WeightsFile('weights.bin');
    // As one tensor, of zeros that take no memory until they are written to.
    file.add({ shape: [2 ** 31], values: new Uint8Array(2 ** 31) });
    const graphs = [...recordGraphs(loaded.model).models].map(
      ([name, model]) => [`${name}.onnx`, [encodeModel(model, '', constant => file.add(constant))]] as const,
    );
    disposeTree(loaded.variables);
    expect(bytesIn(file.content())).toBeGreaterThan(2 ** 31);
    writeBundle(large, { manifest, files: new Map([...graphs, ['weights.bin', file.content()]]) }, new Map());
    expect(await answersOf(large)).toEqual(await answersOf(join(folder, 'small')));

    const descriptor = openSync(weights, 'r+');
    writeSync(descriptor, Uint8Array.of(1), 0, 1, 2 ** 31 - 1);
    closeSync(descriptor);
    expect(() => readBundle(large)).toThrow(BundleError);
    truncateSync(weights, 2 ** 31);
    expect(() => readBundle(large)).toThrow(/cut short or was altered[^]*2147483648 bytes/);
  },
);
