/** Sets the engine up: TensorFlow's library from its wheel, tfjs-node's binding with our patch compiled against it. */
import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { bindingKey, buildBinding, cachedBinding } from './binding.js';
import { checkBuiltBinding } from './check.js';
import { requireCompiler } from './compile.js';
import { explainFileError } from './errors.js';
import { replaceByLink, requirePlace } from './install.js';
import { obtainLibrary } from './library.js';
import { withLock } from './lock.js';
import { defaultPlace, type Place } from './place.js';
import { installPrebuilt } from './prebuilt.js';
import { readRecord, writeRecord } from './record.js';
import type { Report } from './report.js';
import { engineStatus } from './status.js';
import { requireTarget, tensorflowVersion } from './targets.js';
import { bindingFolder, tfjsNodeFolder } from './tfjs-node.js';
import { withWorkFolder } from './work.js';

export interface SetupOptions {
  readonly report: Report;
  /** Take the vendor's own library (TensorFlow 2.9.1, eager only) instead of building ours. */
  readonly prebuilt?: boolean;
  readonly place?: Place;
}

/**
 * Downloads, builds and installs what is missing, then checks that it computes. Whatever is in the cache is used
 * without touching the network. Safe to interrupt at any moment and to run in several processes at once.
 * @throws EngineError when the engine cannot be had; its message says why and what to do
 */
export async function setupEngine({
  report,
  prebuilt = false,
  place = defaultPlace(),
}: SetupOptions): Promise<void> {
  try {
    await mkdir(place.cache, { recursive: true });
    await withLock(
      join(place.cache, 'lock'),
      () => report({ stage: 'wait', message: 'waiting for another set-up to end' }),
      () => (prebuilt ? installPrebuilt(place, report) : buildEngine(place, report)),
    );
  } catch (error) {
    throw explainFileError(error, place.cache);
  }
}

/**
 * Sets the engine up unless it is ready, built or prebuilt.
 * @throws EngineError as `setupEngine` does
 */
export async function ensureEngine(report: Report, place: Place = defaultPlace()): Promise<void> {
  if (engineStatus(place).state === 'missing') await setupEngine({ report, place });
}

async function buildEngine(place: Place, report: Report): Promise<void> {
  const target = requireTarget(place.host);
  if (!target.tested) report({ stage: 'note', message: `note: ${target.name} has not been tested` });
  const tfjsNode = tfjsNodeFolder(place.root);
  const binding = bindingFolder(tfjsNode);
  await requirePlace(binding);
  const built = cachedBinding(place.cache, target);
  await withWorkFolder(place.cache, async work => {
    // Looked for before the download, which takes long.
    const compiler = existsSync(built) ? undefined : await requireCompiler(place.env);
    await obtainLibrary(target, place, work, report);
    if (compiler) await buildBinding(compiler, target, tfjsNode, place, work, report);
  });
  report({ stage: 'install', message: 'installing the binding' });
  await replaceByLink(binding, built);
  report({ stage: 'check', message: 'checking that TensorFlow computes' });
  try {
    await checkBuiltBinding(place);
  } catch (error) {
    // One that has worked stays: other copies of the project may use it.
    if (!readRecord(built)) await rm(built, { recursive: true, force: true });
    throw error;
  }
  await writeRecord(built, { kind: 'built', tensorflow: tensorflowVersion, key: bindingKey(target) });
  report({ stage: 'ready', message: `TensorFlow ${tensorflowVersion} is ready` });
}
