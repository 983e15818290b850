/** What the tests of checkpoints and run folders share. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { afterAll } from 'vitest';
import type { CheckpointContent } from '../../src/checkpoint/checkpoint.js';

const root = join(import.meta.dirname, '../..');

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** An empty folder that is gone after the test file. */
export function temporaryFolder(parent = tmpdir()): string {
  const folder = mkdtempSync(join(parent, 'gfnet-test-'));
  folders.push(folder);
  return folder;
}

/** A checkpoint whose `version` can be read off everything it holds. */
export function versionContent(version: number, length = 1000): CheckpointContent {
  return {
    kind: 'training',
    stage: 'stage1',
    architecture: { encoder: { name: 'small', widths: [16, 32] }, steps: 4 },
    progress: { version },
    metrics: { accuracy: 1 / version },
    classes: ['zero', 'one'],
    preprocessing: { mean: [0.5], std: [0.25] },
    tensors: new Map([
      [
        'parameters/weight',
        { dtype: 'float32', shape: [length], values: new Float32Array(length).fill(version) },
      ],
      ['optimizer/step', { dtype: 'int32', shape: [], values: Int32Array.of(version) }],
    ]),
  };
}

/**
 * The path of a program, compiled so that a process of its own can run it.
 *
 * @param program from the repository's root, without `.ts`, as are `sources`: the folders of all that it imports
 */
export function compileProgram(program: string, sources: readonly string[]): string {
  const cache = join(root, 'node_modules/.cache');
  mkdirSync(cache, { recursive: true });
  const output = temporaryFolder(cache);
  cpSync(join(root, 'package.json'), join(output, 'package.json'));
  const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023 };
  for (const folder of [...sources, dirname(program)]) {
    for (const file of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })) {
      if (!file.endsWith('.ts')) continue;
      const source = readFileSync(join(root, folder, file), 'utf8');
      const compiled = join(output, folder, file.replace(/\.ts$/, '.js'));
      mkdirSync(dirname(compiled), { recursive: true });
      writeFileSync(compiled, ts.transpileModule(source, { compilerOptions }).outputText);
    }
  }
  return join(output, `${program}.js`);
}
