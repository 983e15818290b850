/** Our patch applied to a copy of tfjs-node's binding sources; the package itself stays as npm delivered it. */
import { readFileSync } from 'node:fs';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { applyPatch, parsePatch } from 'diff';
import { EngineError } from '../../errors/index.js';
import { nativeFile } from './place.js';

export function patchText(): string {
  return readFileSync(nativeFile('binding.patch'), 'utf8');
}

/**
 * Copies the sources under `tfjsNode` to `folder/binding` and patches them there.
 * @throws EngineError when they are not the sources the patch is made for
 */
export async function patchedSources(tfjsNode: string, folder: string): Promise<void> {
  await cp(join(tfjsNode, 'binding'), join(folder, 'binding'), { recursive: true });
  for (const change of parsePatch(patchText())) {
    const file = change.newFileName.replace(/^b\//, '');
    const patched = applyPatch(await readFile(join(folder, file), 'utf8'), change);
    if (patched === false) {
      throw new EngineError({
        problem: "our patch does not fit tfjs-node's sources: they were altered",
        given: join(tfjsNode, file),
        mend: 'install the package anew: `npm ci`',
      });
    }
    await writeFile(join(folder, file), patched);
  }
}
