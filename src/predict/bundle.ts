/** From an exported bundle to a model that answers, without the training engine. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readBundle } from '../bundle/files.js';
import { manifestFile } from '../bundle/manifest.js';
import { decodeSource } from './decode.js';
import type { RuntimeOptions } from './onnx-node.js';
import { loadRunner } from './onnx-node.js';
import type { ReadyModel } from './predictor.js';
import { readyModel } from './ready.js';

export function isBundle(path: string): boolean {
  return existsSync(join(path, manifestFile));
}

/** @throws BundleError where it is missing or damaged; EngineError where ONNX Runtime cannot load it */
export async function openBundle(folder: string, options: RuntimeOptions = {}): Promise<ReadyModel> {
  const manifest = readBundle(folder);
  return readyModel(folder, manifest, await loadRunner(folder, manifest, options), decodeSource);
}
