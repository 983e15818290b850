// Bundles the demo's page into dist/page, and prints how large its scripts are.
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const page = join(import.meta.dirname, 'src/web/page');
const out = join(import.meta.dirname, 'dist/page');

mkdirSync(out, { recursive: true });
for (const name of ['index.html', 'page.css']) cpSync(join(page, name), join(out, name));
const { outputFiles } = await build({
  entryPoints: { page: join(page, 'main.ts') },
  outdir: out,
  bundle: true,
  splitting: true,
  chunkNames: '[name]',
  minify: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  // ONNX Runtime's WebAssembly is served beside the page, not bundled.
  conditions: ['onnxruntime-web-use-extern-wasm'],
  write: false,
});
for (const { path, contents } of outputFiles) {
  writeFileSync(path, contents);
  const kB = bytes => `${Math.round(bytes / 1000)} kB`;
  console.log(
    `${path.slice(out.length + 1)}: ${kB(contents.length)}, compressed ${kB(gzipSync(contents).length)}`,
  );
}
