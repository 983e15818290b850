/** Saves one version of a checkpoint after the other in the folder it is given, and prints each that is complete. */
import { existsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { loadCheckpoint, saveCheckpoint } from '../../../src/checkpoint/checkpoint.js';

const [folder = '.', size = '100000', count = 'Infinity'] = process.argv.slice(2);
const length = Number(size);
const before = existsSync(join(folder, 'last.json'))
  ? Number(loadCheckpoint(folder, 'last').manifest.progress.version)
  : 0;

for (let version = before + 1; version <= before + Number(count); version++) {
  saveCheckpoint(folder, 'last', {
    kind: 'training',
    stage: 'stage1',
    architecture: {},
    progress: { version },
    metrics: {},
    classes: [],
    preprocessing: {},
    tensors: new Map([
      ['parameters/a', { dtype: 'float32', shape: [length], values: new Float32Array(length).fill(version) }],
      ['parameters/b', { dtype: 'int32', shape: [length], values: new Int32Array(length).fill(version) }],
    ]),
  });
  writeSync(1, `${version}\n`);
}
