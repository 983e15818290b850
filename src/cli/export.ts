/** `gfnet export`: a trained model as a bundle of ONNX graphs, which predicts without the training engine. */
import { existsSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { Command } from 'commander';
import { decodeImage } from '../data/decode.js';
import { lineReporter } from '../engine/setup/report.js';
import { ensureEngine } from '../engine/setup/setup.js';
import { startEngine } from '../engine/start.js';
import type { BundleContent, Examples } from '../export/bundle.js';
import { makeBundle, writeBundle } from '../export/bundle.js';
import { findEvaluation, homeOf } from '../predict/calibration.js';
import type { LoadedModel } from '../predict/load.js';
import { loadModel, targetOf } from '../predict/load.js';
import { stream, uniform } from '../random/index.js';
import { renderBundleCard } from '../report/index.js';
import { refuseOccupied } from './new-folder.js';
import { threadsOption } from './options.js';

interface Options {
  readonly out: string;
  readonly images?: readonly string[];
  readonly threads?: number;
}

/** Images of noise that stand beside the given ones, so that a batch of several is compared. */
const noise = 3;

export function exportCommand(): Command {
  return new Command('export')
    .description('write a trained model as ONNX graphs, which predict without the training engine')
    .argument('<model>', 'a run folder, a packaged or imported model, or a checkpoint’s .json file')
    .requiredOption('--out <bundle>', 'the folder to make')
    .option(
      '--images <file...>',
      'images on which the bundle is compared with the training engine (default: the model’s example.png)',
    )
    .addOption(threadsOption())
    .addHelpText(
      'after',
      `
The bundle is compared with the training engine on these images and some noise, and refused if it differs. Thresholds for
budgets and guarantees go with it where the model was evaluated.

Examples:
  gfnet export checkpoints/cluttered-60 --out digits
  gfnet export runs/demo --out digits --images photos/*.jpg
  gfnet predict photos --model digits`,
    )
    .action(async (path: string, { out, images, threads }: Options) => {
      const { verification } = await exportModel(path, out, images, threads);
      process.stderr.write(
        `compared on ${verification.images.join(', ')}: logits differ by at most ${verification.difference.toExponential(1)} of the largest\n`,
      );
      process.stdout.write(`${out}: try gfnet predict IMAGE --model ${out}\n`);
    });
}

/**
 * @param out absent or empty
 * @throws CheckpointError, EngineError, ExportError, RunError
 */
export async function exportModel(
  path: string,
  out: string,
  images?: readonly string[],
  threads?: number,
): Promise<BundleContent['manifest']> {
  refuseOccupied(out);
  await ensureEngine(lineReporter());
  startEngine({ threads });
  const loaded = loadModel(path);
  const results = findEvaluation(loaded.checkpoint);
  const example = join(homeOf(loaded.checkpoint), 'example.png');
  const beside = existsSync(example) ? [example] : [];
  const bundle = await makeBundle(
    basename(resolve(out)),
    loaded,
    results,
    await examplesOf(loaded, images ?? beside),
  );
  const card = new Map<string, Uint8Array>([
    ['README.md', Buffer.from(renderBundleCard(bundle.manifest, results))],
    ...beside.map((file): [string, Uint8Array] => ['example.png', readFileSync(file)]),
  ]);
  writeBundle(out, bundle, card);
  return bundle.manifest;
}

async function examplesOf(loaded: LoadedModel, files: readonly string[]): Promise<Examples> {
  const target = targetOf(loaded);
  const size = target.height * target.width * target.channels;
  const pixels = new Float32Array((files.length + noise) * size);
  const images = await Promise.all(files.map(file => decodeImage(file, target)));
  images.forEach((image, i) => pixels.set(image, i * size));
  pixels.set(uniform(stream(0, 'export'), noise * size), files.length * size);
  return { names: [...files.map(file => basename(file)), `${noise} images of noise`], pixels };
}
