// Compiles passes.as into passes-module.ts, with the compiler from npm; run after it has changed: node src/data/simd/compile.mjs
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const compiler = 'assemblyscript@0.28.20';
const folder = mkdtempSync(join(tmpdir(), 'gfnet-passes-'));
const source = readFileSync(join(import.meta.dirname, 'passes.as'));
const binary = join(folder, 'passes.wasm');
const options = ['-O3', '--noAssert', '--runtime', 'stub', '--enable', 'simd', '--use', 'abort='];
writeFileSync(join(folder, 'passes.ts'), source);
execFileSync('npx', ['--yes', '--package', compiler, 'asc', 'passes.ts', ...options, '-o', binary], {
  cwd: folder,
  stdio: 'inherit',
});
const digest = createHash('sha256').update(source).digest('hex');
writeFileSync(
  join(import.meta.dirname, 'passes-module.ts'),
  `/** Written by compile.mjs: passes.as, compiled by ${compiler}. */

/** SHA-256 of the source. */
export const sourceDigest = '${digest}';

/** WebAssembly, in base64. */
export const passesModule =
  '${readFileSync(binary, 'base64')}';
`,
);
rmSync(folder, { recursive: true });
