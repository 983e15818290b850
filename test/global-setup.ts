/** Sets TensorFlow up before the tests, where that has not been done. */
import { lineReporter } from '../src/engine/setup/report.js';
import { ensureEngine } from '../src/engine/setup/setup.js';

export default async function setup(): Promise<void> {
  await ensureEngine(lineReporter());
}
