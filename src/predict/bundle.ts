/** From an exported bundle to a model that answers, without the training engine. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readBundle } from '../bundle/files.js';
import type { BundleContent } from '../bundle/manifest.js';
import { manifestFile } from '../bundle/manifest.js';
import { decodeSource } from './decode.js';
import type { RuntimeOptions } from './onnx-node.js';
import { loadRunner } from './onnx-node.js';
import type { ReadyModel } from './predictor.js';
import { readyModel } from './ready.js';

export function isBundle(path: string): boolean {
  return existsSync(join(path, manifestFile));
}

/**
 * @param bundle its folder, or what was read of it
 * @throws BundleError where it is missing or damaged; EngineError where ONNX Runtime cannot load it
 */
export async function openBundle(
  bundle: string | BundleContent,
  options: RuntimeOptions = {},
): Promise<ReadyModel> {
  const { path, manifest } =
    typeof bundle === 'string' ? { path: bundle, manifest: readBundle(bundle) } : bundle;
  return readyModel(path, manifest, await loadRunner(bundle, manifest, options), decodeSource);
}
