/** `gfnet data write`: a data set as the folder of image files that `--data` takes. */
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Command } from 'commander';
import { removeLeftovers, temporaryBeside } from '../checkpoint/atomic.js';
import { writingTo } from '../checkpoint/file-errors.js';
import { makeFolder } from '../checkpoint/folder.js';
import type { Dataset, Splits } from '../data/dataset.js';
import { parts } from '../data/dataset.js';
import { encodePng } from '../data/decode.js';
import { openData } from '../data/open.js';
import { DataError, InterruptedError } from '../errors/index.js';
import { integer } from '../report/index.js';
import { readData } from './config.js';
import { refuseOccupied } from './new-folder.js';
import { countingProgress } from './progress.js';

interface Options {
  readonly preset?: string;
  readonly config?: string;
  readonly set?: string[];
  readonly out: string;
}

export function writeCommand(): Command {
  return new Command('write')
    .description('write a data set out as PNG files: OUT/train/CLASS/*.png, OUT/val and OUT/test')
    .option('--preset <name>', 'take the data of a preset')
    .option('--config <file>', 'take the data from a JSON file of configuration')
    .option('--set <key=value...>', 'change single values, e.g. data.canvas=80')
    .requiredOption('--out <folder>', 'a folder that is absent or empty')
    .addHelpText(
      'after',
      `
Training images that are new in each epoch are written as the first epoch sees them. The folder is there once it is whole.

Examples:
  gfnet data write --preset cluttered-60 --out digits
  gfnet data write --config fashion.json --out fashion`,
    )
    .action(async ({ out, ...source }: Options) => {
      refuseOccupied(out);
      const interrupt = new AbortController();
      const onSignal = (): void => interrupt.abort();
      process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
      const { update, stop } = countingProgress('writing');
      const splits = openData(readData(source));
      try {
        const count = await writeFolder(splits, out, interrupt.signal, update);
        process.stdout.write(`${integer(count)} images in ${out}\n`);
      } finally {
        stop();
        await splits.close?.();
        process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
      }
    });
}

const folders = { train: 'train', validation: 'val', test: 'test' } as const;

/** Images in memory at once. */
const batchSize = 256;

/**
 * OUT/train/CLASS/000000.png, OUT/val/..., OUT/test/..., numbered by their places in the sets; images that vary are written as epoch 0
 * sees them. OUT appears once it is whole.
 *
 * @param out absent or an empty folder
 * @returns how many images were written
 * @throws DataError when a class cannot be a folder's name, RunError when it cannot be written, InterruptedError
 */
async function writeFolder(
  splits: Splits,
  out: string,
  signal: AbortSignal,
  onProgress: (done: number, total: number) => void,
): Promise<number> {
  requireFolderNames(splits.train.classes);
  const unfinished = temporaryBeside(resolve(out));
  const total = parts.reduce((sum, part) => sum + splits[part].size, 0);
  let [done, written] = [0, 0];
  writingTo(out, () => {
    makeFolder(dirname(unfinished));
    removeLeftovers(dirname(unfinished));
    mkdirSync(unfinished);
  });
  try {
    for (const part of parts) {
      const set = splits[part];
      const folder = join(unfinished, folders[part]);
      for (const name of set.classes) mkdirSync(join(folder, name), { recursive: true });
      for (let from = 0; from < set.size; from += batchSize) {
        if (signal.aborted) {
          throw new InterruptedError({
            problem: 'interrupted: nothing was written',
            given: out,
            mend: 'run it again',
          });
        }
        const count = Math.min(batchSize, set.size - from);
        written += await writeBatch(set, from, count, folder);
        done += count;
        onProgress(done, total);
      }
    }
    renameSync(unfinished, out);
  } catch (error) {
    return writingTo(out, () => {
      throw error;
    });
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return written;
}

async function writeBatch(set: Dataset, from: number, count: number, folder: string): Promise<number> {
  const { height, width, channels } = set.shape;
  const size = height * width * channels;
  const images = new Float32Array(count * size);
  const labels = new Int32Array(count);
  await set.read(
    Int32Array.from({ length: count }, (_, i) => from + i),
    0,
    images,
    labels,
  );
  await Promise.all(
    Array.from(labels, async (label, i) => {
      // A file that cannot be read is in no folder.
      if (label < 0) return;
      const png = await encodePng(images.subarray(i * size, (i + 1) * size), set.shape);
      const name = `${String(from + i).padStart(6, '0')}.png`;
      await writeFile(join(folder, set.classes[label] ?? '', name), png);
    }),
  );
  return labels.filter(label => label >= 0).length;
}

function requireFolderNames(classes: readonly string[]): void {
  const unfit = classes.find(name => /[/\\\0]/.test(name) || name.startsWith('.'));
  if (unfit === undefined) return;
  throw new DataError({
    problem: 'a class has a name that no folder can have',
    given: unfit,
    allowed: 'names without / and \\ that do not begin with a dot',
    mend: 'name the classes otherwise, e.g. by data.classes',
  });
}
