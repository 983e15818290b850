/** `gfnet export`: a trained model as a bundle of ONNX graphs, which predicts without the training engine. */
import { readFileSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { lineReporter } from '../engine/setup/report.js';
import { ensureEngine } from '../engine/setup/setup.js';
import { startEngine } from '../engine/start.js';
import { UsageError } from '../errors/index.js';
import type { BundleContent, Int8Options } from '../export/bundle.js';
import { makeBundle, writeBundle } from '../export/bundle.js';
import type { Batch, Int8Report } from '../export/int8.js';
import { findEvaluation } from '../predict/calibration.js';
import type { LoadedModel } from '../predict/load.js';
import { loadModel, targetOf } from '../predict/load.js';
import { percent, renderBundleCard, renderTable } from '../report/index.js';
import type { Table } from '../report/tables.js';
import { comparedImages, exampleOf, pixelsOf } from './compared-images.js';
import { namesOf } from './image-files.js';
import { refuseOccupied } from './new-folder.js';
import { threadsOption } from './options.js';

interface Options {
  readonly out: string;
  readonly images?: readonly string[] | undefined;
  readonly int8?: true | 'always';
  readonly single?: boolean;
  readonly threads?: number;
}

/** Images that are calibrated on, or judged, at once. */
const int8Batch = 16;

export function exportCommand(): Command {
  return new Command('export')
    .description('write a trained model as ONNX graphs, which predict without the training engine')
    .argument('<model>', 'a run folder, a packaged or imported model, or a checkpoint’s .json file')
    .requiredOption('--out <bundle>', 'the folder to make')
    .option(
      '--images <path...>',
      'images, folders or patterns: what the bundle is compared with the training engine on (the first 16; default: the model’s example.png, or images that its run validates on), and what --int8 is calibrated and judged on',
    )
    .addOption(
      new Option(
        '--int8 [always]',
        'compute in 8-bit integers, if that is faster on this machine, or always; needs --images: every second calibrates, the others are judged',
      ).argParser(alwaysOnly),
    )
    .option(
      '--single',
      'also write single.onnx: all steps as one graph for one image, which stops early by itself, weights within',
    )
    .addOption(threadsOption())
    .addHelpText(
      'after',
      `
The bundle is compared with the training engine on these images and some noise, single.onnx with the other graphs, and nothing is written
if they differ. Thresholds for budgets and guarantees go with it where the model was evaluated.

With --int8, scales of activations are chosen by images like those that will be classified, some hundreds of them. What it changes is told on the
others: how often answers are the same as in float32, accuracy where images lie in folders named as their classes, and the speed-up.

Examples:
  gfnet export checkpoints/cluttered-60 --out digits
  gfnet export runs/demo --out digits --images photos/*.jpg
  gfnet export runs/demo --out digits-int8 --int8 --images photos
  gfnet export checkpoints/cluttered-60 --out digits-one --single
  gfnet predict photos --model digits`,
    )
    .action(async (path: string, { out, ...options }: Options) => {
      const { verification, ...made } = await exportModel(path, out, options);
      process.stderr.write(
        `compared on ${verification.images.join(', ')}: logits differ by at most ${verification.difference.toExponential(1)} of the largest\n`,
      );
      if (made.int8) process.stderr.write(`${int8Text(made.int8)}\n`);
      process.stdout.write(`${out}: try gfnet predict IMAGE --model ${out}\n`);
    });
}

/**
 * @param out absent or empty
 * @throws CheckpointError, EngineError, ExportError, RunError, UsageError
 */
export async function exportModel(
  path: string,
  out: string,
  { images, threads, int8, single = false }: Omit<Options, 'out'> = {},
): Promise<BundleContent['manifest']> {
  refuseOccupied(out);
  const files = images && (await namesOf(images));
  if (int8) requireImages(files ?? []);
  await ensureEngine(lineReporter());
  startEngine({ threads });
  const loaded = loadModel(path);
  const results = findEvaluation(loaded.checkpoint);
  const example = exampleOf(loaded);
  const bundle = await makeBundle(
    basename(resolve(out)),
    loaded,
    results,
    await comparedImages(loaded, files),
    { int8: int8 && int8Options(loaded, files ?? [], int8), single },
  );
  const card = new Map([['README.md', [Buffer.from(renderBundleCard(bundle.manifest, results, single))]]]);
  if (example !== undefined) card.set('example.png', [readFileSync(example)]);
  writeBundle(out, bundle, card);
  return bundle.manifest;
}

function requireImages(files: readonly string[]): void {
  if (files.length >= 2) return;
  throw new UsageError({
    problem: 'int8 is calibrated and judged on images',
    given: `${files.length} images`,
    allowed: 'at least 2, better some hundreds',
    mend: 'give --images a folder of images like those that will be classified',
  });
}

function int8Options(
  loaded: LoadedModel,
  files: readonly string[],
  int8: NonNullable<Options['int8']>,
): Int8Options {
  const [calibration, judging] = [0, 1].map(half => files.filter((_, i) => i % 2 === half));
  return {
    calibration: () => batchesOf(loaded, calibration ?? []),
    calibrated: calibration?.length ?? 0,
    judging: () => batchesOf(loaded, judging ?? []),
    always: int8 === 'always',
  };
}

async function* batchesOf(loaded: LoadedModel, files: readonly string[]): AsyncGenerator<Batch> {
  const target = targetOf(loaded);
  for (let from = 0; from < files.length; from += int8Batch) {
    const names = files.slice(from, from + int8Batch);
    const pixels = await pixelsOf(names, target);
    const labels = names.map(file => loaded.model.classes.indexOf(basename(dirname(file))));
    yield { pixels, labels: labels.includes(-1) ? undefined : labels };
  }
}

function int8Text({ calibrated, judged, steps, speedUp }: Int8Report): string {
  const table: Table = {
    title: `int8, calibrated on ${calibrated} images, beside float32 on ${judged} others`,
    head: ['step', 'same answer', 'accuracy, float32', 'int8'],
    rows: steps.map(({ agreement, accuracy }, t) => [
      String(t + 1),
      `${percent(agreement, 2)} %`,
      ...(accuracy ? [`${percent(accuracy.float32, 2)} %`, `${percent(accuracy.int8, 2)} %`] : ['', '']),
    ]),
  };
  const faster = speedUp.map(({ batch, ratio }) => `${ratio.toFixed(2)} times as fast at batch ${batch}`);
  return `${renderTable(table)}${faster.join(', ')}`;
}

function alwaysOnly(text: string): 'always' {
  if (text === 'always') return text;
  throw new InvalidArgumentError('always, or nothing');
}
