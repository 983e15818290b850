/** The patched binding: its place in the cache, and how it comes there. */
import { createHash } from 'node:crypto';
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { compileBinding, ingredients, type Compiler } from './compile.js';
import { libraryFolder, libraryName } from './library.js';
import { patchedSources, patchText } from './patch.js';
import type { Place } from './place.js';
import type { Report } from './report.js';
import type { Target } from './targets.js';
import { bindingFile, tfjsNodeVersion } from './tfjs-node.js';

/** Names everything a binding is made from: another patch, version, library or flag gives another key. */
export function bindingKey(target: Target): string {
  const parts = [patchText(), tfjsNodeVersion, target.sha256, ...ingredients(target)];
  const hash = createHash('sha256').update(parts.join('\0')).digest('hex');
  return `${target.name}-${hash.slice(0, 16)}`;
}

/** The cache's folder for the binding of `target`. */
export function cachedBinding(cache: string, target: Target): string {
  return join(cache, `binding-${bindingKey(target)}`);
}

/**
 * Compiles the binding of `target` into the cache, where its library is already; `work` is a folder of the same disk.
 * @throws EngineError when it cannot be patched or compiled
 */
export async function buildBinding(
  compiler: Compiler,
  target: Target,
  tfjsNode: string,
  place: Place,
  work: string,
  report: Report,
): Promise<void> {
  report({ stage: 'compile', message: 'compiling the binding and kernels (about 30 s)' });
  const built = join(work, 'built');
  await mkdir(built);
  await patchedSources(tfjsNode, work);
  await compileBinding(
    compiler,
    target,
    {
      sources: work,
      library: libraryFolder(place.cache, target),
      libraryFromBinding: `../${libraryName(target)}`,
      output: join(built, bindingFile),
    },
    place.root,
    place.env,
  );
  await rename(built, cachedBinding(place.cache, target));
}
