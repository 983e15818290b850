/** Before the tests: TensorFlow is set up, and the command line and what pages import compiled, where that has not been done. */
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { lineReporter } from '../src/engine/setup/report.js';
import { ensureEngine } from '../src/engine/setup/setup.js';

const root = join(import.meta.dirname, '..');

export default async function setup(): Promise<void> {
  await ensureEngine(lineReporter());
  execFileSync(process.execPath, [join(root, 'src/cli/gfnet.js'), '--version']);
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  execFileSync(process.execPath, [tsc, '-p', join(root, 'src/web'), '--noEmit', 'false']);
}
