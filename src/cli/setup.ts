/** `gfnet setup`: obtains and builds TensorFlow. */
import { Command } from 'commander';
import { lineReporter } from '../engine/setup/report.js';
import { setupEngine } from '../engine/setup/setup.js';

export function setupCommand(): Command {
  return new Command('setup')
    .description('obtain TensorFlow and build its binding, where that has not been done')
    .option('--prebuilt', 'take the vendor’s own library instead: steps run eagerly, about half as fast')
    .action(async ({ prebuilt = false }: { prebuilt?: boolean }) => {
      await setupEngine({ report: lineReporter(), prebuilt });
    });
}
