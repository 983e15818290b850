/** `gfnet predict`: classifies image files. */
import { mkdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { Command, Option } from 'commander';
import type { Box } from '../crop/index.js';
import { cutOut } from '../crop/index.js';
import type { ImageShape } from '../data/dataset.js';
import { decodeImage, encodePng } from '../data/decode.js';
import type { Prediction } from '../predict/predictor.js';
import { GFNetPredictor } from '../predict/predictor.js';
import { confidence, multiAdds, threadsOption, wholeNumber } from './options.js';

interface Options {
  readonly model: string;
  readonly threshold?: number;
  readonly budget?: number;
  readonly top?: number;
  readonly crops?: string;
  readonly threads?: number;
  readonly json?: boolean;
}

/** Images computed at once. */
const batchSize = 64;

export function predictCommand(): Command {
  return new Command('predict')
    .description('classify images, looking only as often as each one needs')
    .argument('<image...>', 'image files')
    .requiredOption('--model <path>', 'a run folder, a packaged model, or a checkpoint’s .json file')
    .addOption(
      new Option(
        '--threshold <p>',
        'confidence at which an image is answered (default: 0.975; 1 takes all steps)',
      ).argParser(confidence),
    )
    .addOption(
      new Option(
        '--budget <multi-adds>',
        'mean Multi-Adds an image may cost, e.g. 12M, by the thresholds that gfnet evaluate fitted',
      )
        .argParser(multiAdds)
        .conflicts('threshold'),
    )
    .option('--top <k>', 'classes to list with --json (default: 5)', wholeNumber(1))
    .option('--crops <folder>', 'write the patches that were looked at as PNG files')
    .addOption(threadsOption())
    .option('--json', 'as JSON, with what was believed after each step')
    .addHelpText(
      'after',
      `
Examples:
  gfnet predict digit.png --model checkpoints/cluttered-60
  gfnet predict *.png --model runs/demo --threshold 0.9 --json
  gfnet predict *.png --model runs/demo --budget 6M --crops looks`,
    )
    .action(async (images: string[], options: Options) => {
      const { threshold, budget, top, threads } = options;
      const model = await GFNetPredictor.load(options.model, { ...(threads !== undefined && { threads }) });
      if (options.crops !== undefined) mkdirSync(options.crops, { recursive: true });
      const rows: (Prediction & { image: string })[] = [];
      for (let start = 0; start < images.length; start += batchSize) {
        const names = images.slice(start, start + batchSize);
        const pixels = await Promise.all(names.map(name => decodeImage(name, model.shape)));
        const predictions = model.predictPixels(pixels, {
          ...(threshold !== undefined && { threshold }),
          ...(budget !== undefined && { budget }),
          ...(top !== undefined && { topK: top }),
        });
        for (const [i, prediction] of predictions.entries()) {
          const image = names[i] ?? '';
          if (options.json) rows.push({ image, ...prediction });
          else process.stdout.write(line(image, prediction));
          if (options.crops !== undefined) {
            const stem = join(options.crops, `${start + i + 1}-${basename(image, extname(image))}`);
            await writeCrops(stem, pixels[i] ?? new Float32Array(0), model.shape, prediction.boxes);
          }
        }
      }
      if (options.json) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
      model.dispose();
    });
}

function line(image: string, { label, probability, steps, boxes, multiAdds }: Prediction): string {
  const looked = boxes.map(({ row, column }) => `(${row}, ${column})`).join(' ');
  return `${image}: ${label} (${(100 * probability).toFixed(1)} %), ${steps} step${steps === 1 ? '' : 's'}${
    looked === '' ? '' : `, looked at ${looked}`
  }, ${(multiAdds / 1e6).toFixed(1)} M Multi-Adds\n`;
}

async function writeCrops(
  stem: string,
  pixels: Float32Array,
  { width, channels }: ImageShape,
  boxes: readonly Box[],
): Promise<void> {
  for (const [i, box] of boxes.entries()) {
    const patch = { height: box.size, width: box.size, channels };
    await writeFile(`${stem}-step${i + 2}.png`, await encodePng(cutOut(pixels, width, channels, box), patch));
  }
}
