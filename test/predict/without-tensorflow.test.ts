/** `gfnet/predict` in a folder where only what it needs can be found: no TensorFlow, no training code. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../checkpoint/support.js';
import { gfnet } from '../cli/support.js';

const root = join(import.meta.dirname, '../..');
const folder = temporaryFolder();
const needed = ['fastest-levenshtein', 'onnxruntime-common', 'onnxruntime-node', 'sharp', 'zod'];

/** A copy of the compiled program whose packages are these alone. */
function install(packages: readonly string[]): string {
  const program = join(folder, 'program');
  mkdirSync(join(program, 'node_modules'), { recursive: true });
  cpSync(join(root, 'package.json'), join(program, 'package.json'));
  cpSync(join(root, 'dist/src'), join(program, 'dist/src'), { recursive: true });
  for (const name of packages)
    symlinkSync(join(root, 'node_modules', name), join(program, 'node_modules', name));
  return program;
}

it('predicts, and finds the rest of the program missing', () => {
  const { code, stderr } = gfnet(root, 'export', 'checkpoints/cluttered-60', '--out', join(folder, 'digits'));
  expect(stderr).toContain('compared on example.png');
  expect(code).toBe(0);
  expect(readdirSync(join(folder, 'digits')).sort()).toEqual([
    'README.md',
    'bundle.json',
    'example.png',
    'focus.onnx',
    'glance.onnx',
    'weights.bin',
  ]);
  const cwd = install(needed);
  const run = (code: string): { status: number | null; stdout: string; stderr: string } =>
    spawnSync(process.execPath, ['--input-type=module', '--eval', code], { cwd, encoding: 'utf8' });
  const predicted = run(`
    import { GFNet } from 'gfnet/predict';
    const model = await GFNet.load('../digits');
    const [prediction] = await model.predict(['../digits/example.png'], { budget: 38.9e6 });
    await model.dispose();
    console.log(JSON.stringify(prediction));
  `);
  expect(predicted.stderr).toBe('');
  const [expected] = JSON.parse(
    gfnet(
      root,
      'predict',
      join(folder, 'digits/example.png'),
      '--model',
      'checkpoints/cluttered-60',
      '--budget',
      '38.9M',
      '--json',
    ).stdout,
  ) as { label: string; boxes: unknown[] }[];
  expect(JSON.parse(predicted.stdout)).toMatchObject({ label: expected?.label, boxes: expected?.boxes });
  expect(run("import 'gfnet'").stderr).toMatch(/Cannot find package '@tensorflow\/tfjs-core'/);
});
