import { builtinModules } from 'node:module';
import { expect, it } from 'vitest';
import { bundled } from './support.js';

it('gfnet/web is bundled for browsers, and nothing of Node is in it', async () => {
  const { metafile } = await bundled("export * from './src/web/index.ts'");
  const files = Object.keys(metafile.inputs);
  expect(files).toContain('src/predict/predictor.ts');
  expect(files).toContain('src/data/resample.ts');
  expect(files.filter(file => /sharp|onnxruntime-node|tensorflow|src\/engine/.test(file))).toEqual([]);
  const imported = Object.values(metafile.inputs).flatMap(({ imports }) => imports.map(({ path }) => path));
  expect(imported.filter(path => builtinModules.includes(path.replace('node:', '')))).toEqual([]);
});

it('what reads files could not be', async () => {
  await expect(bundled("export * from './src/predict/bundle.ts'")).rejects.toThrow(/Could not resolve/);
});
