/** `gfnet predict`: classifies image files. */
import { mkdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { decodeImage, encodePng } from '../data/decode.js';
import type { Box } from '../crop/index.js';
import { cutOut } from '../crop/index.js';
import type { Prediction } from '../predict/predictor.js';
import { GFNetPredictor } from '../predict/predictor.js';

interface Options {
  readonly model: string;
  readonly threshold?: number;
  readonly top?: number;
  readonly crops?: string;
  readonly json?: boolean;
}

const number = (text: string): number => {
  const value = Number(text);
  if (Number.isNaN(value)) throw new InvalidArgumentError('a number');
  return value;
};

export function predictCommand(): Command {
  return new Command('predict')
    .description('classify images, looking only as often as each one needs')
    .argument('<image...>', 'image files')
    .requiredOption('--model <path>', 'a run folder, or a checkpoint’s .json file')
    .option(
      '--threshold <p>',
      'confidence at which an image is answered (default: 0.975; 1 takes all steps)',
      number,
    )
    .option('--top <k>', 'classes to list (default: 5)', number)
    .option('--crops <folder>', 'write the patches that were looked at as PNG files')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Examples:
  gfnet predict digit.png --model runs/demo
  gfnet predict *.png --model runs/demo --threshold 0.9 --json`,
    )
    .action(async (images: string[], options: Options) => {
      const model = await GFNetPredictor.load(options.model);
      const decoded = await Promise.all(images.map(image => decodeImage(image, model.shape)));
      const predictions = model.predictPixels(decoded, {
        ...(options.threshold !== undefined && { threshold: options.threshold }),
        ...(options.top !== undefined && { topK: options.top }),
      });
      if (options.crops !== undefined) {
        mkdirSync(options.crops, { recursive: true });
        for (const [i, { boxes }] of predictions.entries()) {
          const pixels = decoded[i] ?? new Float32Array(0);
          const stem = basename(images[i] ?? '', extname(images[i] ?? ''));
          await writeCrops(options.crops, `${i + 1}-${stem}`, pixels, model.shape, boxes);
        }
      }
      const rows = predictions.map((prediction, i) => ({ image: images[i] ?? '', ...prediction }));
      process.stdout.write(options.json ? `${JSON.stringify(rows, null, 2)}\n` : rows.map(line).join(''));
      model.dispose();
    });
}

function line({
  image,
  label,
  probability,
  steps,
  boxes,
  multiAdds,
}: Prediction & { image: string }): string {
  const looked = boxes.map(({ row, column }) => `(${row}, ${column})`).join(' ');
  return `${image}: ${label} (${(100 * probability).toFixed(1)} %), ${steps} step${steps === 1 ? '' : 's'}${
    looked === '' ? '' : `, looked at ${looked}`
  }, ${(multiAdds / 1e6).toFixed(1)} M Multi-Adds\n`;
}

async function writeCrops(
  folder: string,
  stem: string,
  pixels: Float32Array,
  { width, channels }: { width: number; channels: number },
  boxes: readonly Box[],
): Promise<void> {
  for (const [i, box] of boxes.entries()) {
    const png = await encodePng(cutOut(pixels, width, channels, box), {
      height: box.size,
      width: box.size,
      channels,
    });
    await writeFile(join(folder, `${stem}-step${i + 2}.png`), png);
  }
}
