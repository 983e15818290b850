/** Vitest's global set-up: the engine is there before the first test. */
import { lineReporter } from '../src/engine/setup/report.js';
import { ensureEngine } from '../src/engine/setup/setup.js';

export default async function setup(): Promise<void> {
  await ensureEngine(lineReporter());
}
