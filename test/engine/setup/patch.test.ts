import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { patchedSources, patchText } from '../../../src/engine/setup/patch.js';
import { tfjsNodeFolder } from '../../../src/engine/setup/tfjs-node.js';
import { engineErrorOf, scratchPlace, temporaryFolder } from './scratch.js';

const files = ['tfjs_backend.cc', 'tfjs_backend.h', 'tfjs_binding.cc'];

const linesOf = (...path: string[]): string[] => readFileSync(join(...path), 'utf8').split('\n');

describe('patchedSources', () => {
  it("adds exactly the patch's lines, in their order, and leaves the package alone", async () => {
    const tfjsNode = tfjsNodeFolder(scratchPlace().root);
    const before = files.map(file => linesOf(tfjsNode, 'binding', file));
    const folder = temporaryFolder();
    await patchedSources(tfjsNode, folder);

    const added = patchText()
      .split('\n')
      .filter(line => /^\+(?!\+\+ )/.test(line))
      .map(line => line.slice(1));
    for (const [i, file] of files.entries()) {
      // What is left after taking the original's lines out one by one, in order, is what was added.
      const original = [...(before[i] ?? [])];
      const extra = linesOf(folder, 'binding', file).filter(line => {
        if (line !== original[0]) return true;
        original.shift();
        return false;
      });
      expect(original).toEqual([]);
      expect(extra.length).toBeGreaterThan(5);
      expect(added.splice(0, extra.length).sort()).toEqual(extra.sort());
      expect(linesOf(tfjsNode, 'binding', file)).toEqual(before[i]);
    }
    expect(added).toEqual([]);
  });

  it('accepts sources that differ elsewhere, refuses those it does not fit', async () => {
    const tfjsNode = tfjsNodeFolder(scratchPlace().root);
    const file = join(tfjsNode, 'binding', 'tfjs_backend.cc');
    appendFileSync(file, '// a remark\n');
    await patchedSources(tfjsNode, temporaryFolder());
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll('num_saved_models', 'renamed'));
    const { message } = await engineErrorOf(patchedSources(tfjsNode, temporaryFolder()));
    expect(message).toContain('tfjs_backend.cc');
    expect(message).toContain('npm ci');
  });
});
