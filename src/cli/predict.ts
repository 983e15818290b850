/** `gfnet predict`: classifies image files, however many. */
import { writeFileSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import cliProgress from 'cli-progress';
import { Command, Option } from 'commander';
import type { Box } from '../crop/box.js';
import { writingTo } from '../checkpoint/file-errors.js';
import { makeFolder } from '../checkpoint/folder.js';
import { cutOut } from '../crop/box.js';
import type { ImageShape } from '../data/dataset.js';
import { encodePng } from '../data/decode.js';
import { exitCodes, InterruptedError } from '../errors/index.js';
import { GFNet } from '../index.js';
import type { Budget } from '../predict/budget.js';
import type { PredictOptions } from '../predict/prediction.js';
import type { Answered } from '../predict/stream.js';
import { preview } from '../report/index.js';
import type { ImageFiles } from './image-files.js';
import { imageFiles } from './image-files.js';
import {
  budget,
  confidence,
  mostThreads,
  oneOf,
  positiveNumber,
  share,
  threadsOption,
  wholeNumber,
} from './options.js';
import { openOutput } from './output.js';
import type { FormatName } from './prediction-format.js';
import { formatNames, formats } from './prediction-format.js';

interface Options {
  readonly model: string;
  readonly threshold?: number;
  readonly budget?: Budget;
  readonly maxAccuracyDrop?: number;
  readonly confidence?: number;
  readonly maxMs?: number;
  readonly top?: number;
  readonly batch?: number;
  readonly crops?: string;
  readonly preview?: boolean;
  readonly threads?: number;
  readonly workers?: number;
  readonly provider?: string;
  readonly json?: boolean;
  readonly format?: FormatName;
  readonly out?: string;
}

export function predictCommand(): Command {
  return new Command('predict')
    .description('classify images, looking only as often as each one needs')
    .argument('<image...>', 'image files, folders, patterns, or - to read their names from standard input')
    .requiredOption(
      '--model <path>',
      'a bundle, a run folder, a packaged model, or a checkpoint’s .json file',
    )
    .addOption(
      new Option(
        '--threshold <p>',
        'confidence at which an image is answered (default: 0.975; 1 takes all steps)',
      ).argParser(confidence),
    )
    .addOption(
      new Option(
        '--budget <cost>',
        'what an image may cost on average: Multi-Adds, e.g. 12M, or milliseconds that its steps take by themselves on this machine, e.g. 8ms; by thresholds that gfnet evaluate fitted',
      )
        .argParser(budget)
        .conflicts('threshold'),
    )
    .addOption(
      new Option(
        '--max-accuracy-drop <share>',
        'accuracy that may be lost against all looks, e.g. 0.01, by thresholds that gfnet evaluate can promise it for',
      )
        .argParser(share)
        .conflicts(['threshold', 'budget']),
    )
    .option('--confidence <p>', 'how surely that promise holds (default: 0.95)', share)
    .option(
      '--max-ms <milliseconds>',
      'time for an image from its glance on: no look is begun that would end later, as measured so far',
      positiveNumber,
    )
    .option('--top <k>', 'classes to list in JSON (default: 5)', wholeNumber(1))
    .option('--batch <n>', 'images computed at once (default: 64)', wholeNumber(1))
    .option('--crops <folder>', 'write the patches that were looked at as PNG files')
    .addOption(
      new Option(
        '--preview',
        'draw each image in the terminal with the places that were looked at',
      ).conflicts(['format', 'json', 'out']),
    )
    .addOption(threadsOption())
    .addOption(
      new Option(
        '--workers <n>',
        'batches worked on at the same time, each by a thread that loads the bundle once more and has its share of --threads: faster for many images, for as many times the memory (default: 1)',
      )
        .argParser(wholeNumber(1, mostThreads))
        .conflicts('maxMs'),
    )
    .option('--provider <name>', 'what a bundle is computed by, as ONNX Runtime names it (default: cpu)')
    .addOption(
      new Option('--format <name>', 'of the answers')
        .choices(formatNames)
        .argParser(oneOf(formatNames))
        .default('text'),
    )
    .addOption(new Option('--json', 'as --format json').implies({ format: 'json' }))
    .option('--out <file>', 'write the answers there instead of to standard output')
    .addHelpText(
      'after',
      `
Answers come in the order of the images; where names on standard input pause, those that came are answered. One that cannot be read is reported and passed over, and the exit code is then 2.
JSON says what was believed after each step; jsonl has an image a line.

Examples:
  gfnet predict digit.png --model checkpoints/cluttered-60
  gfnet predict *.png --model runs/demo --threshold 0.9 --json
  gfnet predict *.png --model runs/demo --budget 6M --crops looks
  gfnet predict *.png --model bundle --budget 8ms
  gfnet predict digit.png --model checkpoints/cluttered-60 --preview
  gfnet predict *.png --model runs/demo --max-accuracy-drop 0.01 --confidence 0.99
  gfnet predict photos --model bundle --workers 2 --format csv --out answers.csv
  find photos -name '*.jpg' | gfnet predict - --model bundle --format jsonl > answers.jsonl`,
    )
    .action(async (named: string[], options: Options) => {
      const interruption = new AbortController();
      const files = await imageFiles(named, interruption.signal);
      const { crops } = options;
      if (crops !== undefined) makeFolder(crops);
      const { threads, workers, provider } = options;
      const model = await GFNet.load(options.model, {
        ...(threads !== undefined && { threads }),
        ...(workers !== undefined && { workers }),
        ...(provider !== undefined && { provider }),
      });
      try {
        await answerAll(model, files, options, interruption);
      } finally {
        // Names that still come would keep the process.
        interruption.abort();
        await model.dispose();
      }
    });
}

async function answerAll(
  model: GFNet,
  { files, count }: ImageFiles,
  options: Options,
  interruption: AbortController,
): Promise<void> {
  const format = formats[options.format ?? 'text'];
  const output = openOutput(options.out);
  const interrupt = (): void => interruption.abort();
  process.once('SIGINT', interrupt);
  const bar = progressBar(count, options.out !== undefined || !process.stdout.isTTY);
  let [done, failed] = [0, 0];
  try {
    await output.write(format.head);
    for await (const outcome of untilInterrupted(
      model.stream(files, predictOptions(options, interruption)),
    )) {
      const first = done++ === 0;
      const { source } = outcome;
      if ('error' in outcome) {
        failed++;
        process.stderr.write(`${outcome.error.message}\n`);
        await output.write(format.failure(source, outcome.error, first));
      } else {
        await output.write(format.prediction(source, outcome.prediction, first));
        if (options.preview) await output.write(draw(outcome, model.shape));
        if (options.crops !== undefined) {
          const stem = join(options.crops, `${done}-${basename(source, extname(source))}`);
          await writeCrops(stem, outcome.pixels, model.shape, outcome.prediction.boxes);
        }
      }
      bar.update(done);
    }
    await output.write(format.tail);
    output.finish();
  } catch (error) {
    output.abandon();
    throw error;
  } finally {
    bar.stop();
    process.off('SIGINT', interrupt);
  }
  if (failed > 0) {
    process.stderr.write(`${failed} of ${done} images could not be read\n`);
    process.exitCode = exitCodes.badInput;
  }
  if (interruption.signal.aborted) {
    throw new InterruptedError({
      problem: `interrupted after ${done} images, whose answers are written`,
      mend: 'give the images that are left to go on',
    });
  }
}

/** Characters in a line, at most. */
const previewColumns = 64;

function draw({ pixels, prediction }: Answered<string>, shape: ImageShape): string {
  const { stdout, env } = process;
  const columns = Math.min(previewColumns, stdout.columns || previewColumns);
  // no-color.org
  return preview(pixels, shape, prediction.boxes, { columns, color: stdout.isTTY && !env.NO_COLOR });
}

function predictOptions(
  { threshold, budget: cost, maxAccuracyDrop, confidence: sure, maxMs, top, batch }: Options,
  { signal }: AbortController,
): PredictOptions {
  return {
    signal,
    ...(threshold !== undefined && { threshold }),
    ...(cost !== undefined && { budget: cost }),
    ...(maxAccuracyDrop !== undefined && { maxAccuracyDrop }),
    ...(sure !== undefined && { confidence: sure }),
    ...(maxMs !== undefined && { maxMs }),
    ...(top !== undefined && { topK: top }),
    ...(batch !== undefined && { batchSize: batch }),
  };
}

/** What comes before the interruption. */
async function* untilInterrupted<T>(outcomes: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* outcomes;
  } catch (error) {
    if (!(error instanceof DOMException && error.name === 'AbortError')) throw error;
  }
}

interface Bar {
  update(done: number): void;
  stop(): void;
}

/** On a terminal that the answers do not go to. */
function progressBar(count: number | undefined, elsewhere: boolean): Bar {
  if (!process.stderr.isTTY || !elsewhere) return { update: () => undefined, stop: () => undefined };
  const format =
    count === undefined
      ? '{value} images'
      : '{bar} {percentage}% | {value} of {total} images | {eta_formatted} left';
  const bar = new cliProgress.SingleBar({ format, clearOnComplete: true, hideCursor: true, etaBuffer: 500 });
  bar.start(count ?? 0, 0);
  return bar;
}

async function writeCrops(
  stem: string,
  pixels: Uint8Array,
  { width, channels }: ImageShape,
  boxes: readonly Box[],
): Promise<void> {
  for (const [i, box] of boxes.entries()) {
    const patch = { height: box.size, width: box.size, channels };
    const path = `${stem}-step${i + 2}.png`;
    const png = await encodePng(cutOut(pixels, width, channels, box), patch);
    writingTo(path, () => writeFileSync(path, png));
  }
}
