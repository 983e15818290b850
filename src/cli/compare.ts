/** `gfnet compare`: trainings side by side, their settings and their curves. */
import { Command } from 'commander';
import { writeFileAtomically } from '../checkpoint/atomic.js';
import { viewRuns } from '../checkpoint/run-view.js';
import { UsageError } from '../errors/index.js';
import { compareRuns, renderComparison, renderComparisonPage } from '../report/index.js';

interface Options {
  readonly out?: string;
  readonly json?: boolean;
}

export function compareCommand(): Command {
  return new Command('compare')
    .description('trainings side by side: what was set otherwise, what came of it, curves')
    .argument('<runs...>', 'run folders, or folders of gfnet train all: the same stages are compared')
    .option('--out <file>', 'write an HTML page with the curves too')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Accuracies are of validation images, after the last step. For test images: gfnet evaluate.

Examples:
  gfnet compare runs/a runs/b
  gfnet compare runs/a/stage1 runs/b/stage1 --out compared.html`,
    )
    .action((paths: string[], { out, json }: Options) => {
      if (new Set(paths).size < 2) {
        throw new UsageError({
          problem: 'nothing to compare with',
          given: paths.join(' '),
          allowed: 'two runs or more',
        });
      }
      const stages = compareRuns(paths.map(path => ({ path, runs: viewRuns(path) })));
      if (out !== undefined) writeFileAtomically(out, renderComparisonPage(stages));
      const values = stages.map(({ runs, ...stage }) => ({
        ...stage,
        runs: runs.map(({ settings, ...run }) => ({ ...run, settings: Object.fromEntries(settings) })),
      }));
      process.stdout.write(json ? `${JSON.stringify(values)}\n` : renderComparison(stages));
    });
}
