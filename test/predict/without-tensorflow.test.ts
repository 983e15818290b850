/** `gfnet/predict` as `npm run pack:predict` packs it, beside nothing but what it asks for: no TensorFlow, no training code. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../checkpoint/support.js';
import { gfnet } from '../cli/support.js';

const root = join(import.meta.dirname, '../..');
const folder = temporaryFolder();

/** What npm would make of the package in a program of one's own, from the packages that are here. */
function install(): string {
  const [, archive = ''] =
    /^(.+\.tgz): /m.exec(
      execFileSync(process.execPath, ['pack-predict.mjs'], { cwd: root, encoding: 'utf8' }),
    ) ?? [];
  const program = join(folder, 'program');
  const packages = join(program, 'node_modules');
  mkdirSync(join(packages, 'gfnet'), { recursive: true });
  execFileSync('tar', ['-xzf', join(root, archive), '--strip-components=1', '-C', join(packages, 'gfnet')]);
  const { dependencies } = JSON.parse(readFileSync(join(packages, 'gfnet/package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  for (const name of Object.keys(dependencies)) {
    mkdirSync(dirname(join(packages, name)), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), join(packages, name));
  }
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
  const cwd = install();
  const run = (code: string): { status: number | null; stdout: string; stderr: string } =>
    spawnSync(process.execPath, ['--input-type=module', '--eval', code], { cwd, encoding: 'utf8' });
  const predicted = run(`
    import { GFNet } from 'gfnet/predict';
    const model = await GFNet.load('../digits');
    const [prediction] = await model.predict(['../digits/example.png'], { budget: 38.9e6 });
    await model.dispose();
    const workers = await GFNet.load('../digits', { workers: 2 });
    const images = ['../digits/example.png', '../digits/example.png'];
    for (const { label } of await workers.predict(images, { budget: 38.9e6, batchSize: 1 }))
      if (label !== prediction.label) throw new Error(label);
    await workers.dispose();
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
  expect(run("import 'gfnet'").stderr).toMatch(/No "exports" main defined/);
  expect(readdirSync(join(cwd, 'node_modules')).sort()).toEqual([
    'gfnet',
    'onnxruntime-common',
    'onnxruntime-node',
    'onnxruntime-web',
    'sharp',
    'zod',
  ]);

  // Its types are all there, too.
  writeFileSync(
    join(cwd, 'program.mts'),
    `import { GFNet, type Prediction } from 'gfnet/predict';
    import * as web from 'gfnet/web';
    const model: GFNet = await GFNet.load('digits', { threads: 1 });
    const [one]: Prediction[] = await model.predict(['a.png'], { budget: 1e6 });
    export const known: number | undefined = one?.multiAdds;
    export const loads: typeof web.GFNet.load = web.GFNet.load;`,
  );
  const strict = [
    '--noEmit',
    '--strict',
    '--module',
    'nodenext',
    '--target',
    'es2023',
    '--lib',
    'es2023,dom',
  ];
  const compiled = spawnSync(
    process.execPath,
    [
      join(root, 'node_modules/typescript/bin/tsc'),
      ...strict,
      '--typeRoots',
      join(root, 'node_modules/@types'),
      'program.mts',
    ],
    { cwd, encoding: 'utf8' },
  );
  expect([compiled.status, compiled.stdout]).toEqual([0, '']);
}, 60_000);
