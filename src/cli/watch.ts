/** `gfnet watch`: a training from another terminal. */
import { setTimeout as wait } from 'node:timers/promises';
import { Command } from 'commander';
import type { RunView } from '../checkpoint/run-view.js';
import { viewRuns } from '../checkpoint/run-view.js';
import { renderWatch } from '../report/index.js';
import { positiveNumber } from './options.js';

interface Options {
  readonly interval: number;
  readonly once?: boolean;
  readonly json?: boolean;
}

/** Looks without any work before the training is taken to have ended: between two stages a moment passes. */
const patience = 5;

/** Clears the screen below the upper left corner, where the next picture begins. */
const fromAbove = '\x1b[H\x1b[J';

export function watchCommand(): Command {
  return new Command('watch')
    .description('watch a training: progress, metrics with their curves, the end of the log')
    .argument('<run>', 'a run folder, or the folder of gfnet train all')
    .option('--interval <seconds>', 'time between two looks', positiveNumber, 2)
    .option('--once', 'print what is there and end; without a terminal this is what happens')
    .option('--json', 'print what is there as JSON and end')
    .addHelpText(
      'after',
      `
It only reads: the training goes on whether it is watched or not. Ends with the training (five looks later), or with Ctrl-C. In the same
folders tensorboard --logdir RUN finds the curves.

Examples:
  gfnet watch runs/flowers
  gfnet watch runs/flowers/stage2 --once`,
    )
    .action(async (path: string, { interval, once, json }: Options) => {
      const { stdout } = process;
      if (json) {
        stdout.write(`${JSON.stringify(viewRuns(path))}\n`);
        return;
      }
      const live = stdout.isTTY && !once;
      for (let idle = 0; idle < patience;) {
        const runs = viewRuns(path);
        stdout.write(`${live ? fromAbove : ''}${renderWatch(runs, stdout.columns || 120)}`);
        if (!live) return;
        idle = runs.some(isWorking) ? 0 : idle + 1;
        await wait(1000 * interval);
      }
    });
}

function isWorking({ state }: RunView): boolean {
  return state === 'training' || state === 'validating';
}
