import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { EngineError } from '../../src/errors/index.js';
import { parseManifest } from '../../src/bundle/manifest.js';
import { Child } from '../../src/serve/child.js';
import { temporaryFolder } from '../checkpoint/support.js';
import { exported } from './support.js';

const folder = temporaryFolder();
const { execPath } = process;
afterEach(() => void (process.execPath = execPath));

it('tells that a process could not be started, where the system refuses one', async () => {
  const manifest = parseManifest(readFileSync(join(exported(folder), 'bundle.json'), 'utf8'), '');
  process.execPath = '/no/node';
  const bundle = { path: '', manifest, graphs: new Map(), weights: [] };
  const started = Child.start({ bundle, threads: 1, maxPixels: 1 }, () => undefined);
  await expect(started).rejects.toThrow(EngineError);
  await expect(started).rejects.toThrow(/could not be started.*ENOENT/s);
});
