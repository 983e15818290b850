/** From an exported bundle to a model that answers, without the training engine. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readBundle } from '../bundle/files.js';
import type { BundleContent } from '../bundle/manifest.js';
import { manifestFile } from '../bundle/manifest.js';
import { UsageError } from '../errors/index.js';
import { shown } from '../errors/shown.js';
import { decodeSource } from './decode.js';
import type { RuntimeOptions } from './onnx-node.js';
import { loadRunner } from './onnx-node.js';
import type { ReadyModel } from './predictor.js';
import { readyModel } from './ready.js';
import { StreamWorkers } from './stream-workers.js';
import { threadsOfEach } from './threads.js';

export interface LoadOptions extends RuntimeOptions {
  /**
   * Batches of a stream that are worked on at the same time, each by a thread of its own that holds the networks once more; 1, and none of
   * that, when absent. `threads` are shared out among them. More images a second, for small networks gain little by more than a thread; no
   * single one is answered sooner.
   */
  readonly workers?: number;
}

export function isBundle(path: string): boolean {
  return existsSync(join(path, manifestFile));
}

/**
 * @param bundle its folder, or what was read of it
 * @throws BundleError where it is missing or damaged; EngineError where ONNX Runtime cannot load it; UsageError for options out of range
 */
export async function openBundle(
  bundle: string | BundleContent,
  { workers = 1, ...options }: LoadOptions = {},
): Promise<ReadyModel> {
  checkWorkers(workers);
  const { path, manifest } =
    typeof bundle === 'string' ? { path: bundle, manifest: readBundle(bundle) } : bundle;
  const runner = await loadRunner(bundle, manifest, options);
  const model = await readyModel(path, manifest, runner, decodeSource);
  if (workers === 1) return model;
  const setting = {
    bundle,
    manifest,
    options: { ...options, threads: threadsOfEach(workers, options.threads) },
  };
  return { ...model, lanes: new StreamWorkers(setting, workers, runner.imageSize) };
}

function checkWorkers(workers: number): void {
  if (Number.isInteger(workers) && workers >= 1) return;
  throw new UsageError({
    problem: 'workers out of range',
    given: shown(workers),
    allowed: 'a whole number, 1 or more',
  });
}
