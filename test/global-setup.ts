/** Before the tests: TensorFlow is set up and the command line compiled, where that has not been done. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { lineReporter } from '../src/engine/setup/report.js';
import { ensureEngine } from '../src/engine/setup/setup.js';

export default async function setup(): Promise<void> {
  await ensureEngine(lineReporter());
  execFileSync(process.execPath, [join(import.meta.dirname, '../src/cli/gfnet.js'), '--version']);
}
