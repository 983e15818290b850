// Packs what predicting needs and nothing else of the program, as an npm package: gfnet/predict and gfnet/web, without TensorFlow.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { build } from 'esbuild';

const root = import.meta.dirname;
const { exports, dependencies, ...manifest } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const { name, version, description, license, type, engines } = manifest;
const entries = Object.fromEntries(['./predict', './web'].map(entry => [entry, exports[entry]]));

const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: [
    ...Object.values(entries).map(entry => entry.default),
    // Started by its address, which is no import.
    './dist/src/predict/stream-worker.js',
  ],
  bundle: true,
  packages: 'external',
  format: 'esm',
  platform: 'node',
  outdir: 'dist',
  write: false,
  metafile: true,
});
const modules = Object.keys(metafile.inputs);
const packages = new Set(
  Object.values(metafile.inputs).flatMap(({ imports }) =>
    imports.filter(({ external }) => external).map(({ path }) => path.match(/^(@[^/]+\/)?[^/]+/)[0]),
  ),
);

// The types of these modules are made from those of others.
const declaration = path => path.replace(/\.js$/, '.d.ts');
const types = new Set(modules.map(declaration));
for (const path of types)
  for (const [, from] of readFileSync(join(root, path), 'utf8').matchAll(/(?:from |import\()['"](\.[^'"]+)/g))
    types.add(declaration(posix.join(posix.dirname(path), from)));

const out = join(root, 'dist/predict');
rmSync(out, { recursive: true, force: true });
for (const path of [...modules, ...types]) {
  mkdirSync(dirname(join(out, path)), { recursive: true });
  cpSync(join(root, path), join(out, path));
}
const needed = Object.fromEntries(Object.entries(dependencies).filter(([name]) => packages.has(name)));
const packed = { name, version, description, license, type, engines, exports: entries, dependencies: needed };
writeFileSync(join(out, 'package.json'), `${JSON.stringify(packed, null, 2)}\n`);

const [{ filename }] = JSON.parse(
  execFileSync('npm', ['pack', '--json', '--pack-destination', join(root, 'dist')], { cwd: out }),
);
const archive = join('dist', `${name}-predict-${version}.tgz`);
renameSync(join(root, 'dist', filename), join(root, archive));
console.log(`${archive}: ${modules.length} modules, needs ${Object.keys(needed).join(', ')}`);
