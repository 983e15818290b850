/** `gfnet demo --web`: a model in a page of this machine's browser, glancing and focusing on images that are dropped there. */
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Command } from 'commander';
import { programRoot } from '../checkpoint/program.js';
import { encodePng } from '../data/decode.js';
import { openData } from '../data/open.js';
import type { DemoImage } from '../demo/server.js';
import { serveDemo } from '../demo/server.js';
import { UsageError } from '../errors/index.js';
import { isBundle } from '../predict/bundle.js';
import { readData } from './config.js';
import { exportModel } from './export.js';
import { namesOf } from './image-files.js';
import { wholeNumber } from './options.js';

interface Options {
  readonly web?: string | true;
  readonly images?: readonly string[];
  readonly port: number;
}

const packaged = join(programRoot, 'checkpoints', 'cluttered-60');

/** Test digits of the packaged model that the page offers, spread over the set. */
const digits = { count: 11, apart: 877 };

export function demoCommand(): Command {
  return new Command('demo')
    .description('show in a browser how a model glances and focuses')
    .option(
      '--web [model]',
      'serve the page, with a bundle, or a model that is exported first (default: the packaged digits)',
    )
    .option('--images <file...>', 'example images: files, folders or patterns (default: the model’s own)')
    .option('--port <n>', 'port on this machine; 0 takes any that is free', wholeNumber(0), 8081)
    .addHelpText(
      'after',
      `
The page computes everything itself and asks for nothing but what this command serves, to this machine alone.
npm run demo is the other demo: it trains a small network from nothing.

Examples:
  gfnet demo --web
  gfnet demo --web digits --images photos --port 9000`,
    )
    .action(async ({ web, images, port }: Options) => {
      if (web === undefined) {
        throw new UsageError({
          problem: 'the demo is a page, which has to be asked for',
          given: 'no --web',
          mend: 'run gfnet demo --web; to train a small network from nothing, npm run demo',
        });
      }
      const model = web === true ? packaged : web;
      const folder = isBundle(model) ? undefined : await mkdtemp(join(tmpdir(), 'gfnet-demo-'));
      const clean = async (): Promise<void> => {
        if (folder !== undefined) await rm(folder, { recursive: true, force: true });
      };
      try {
        const bundle = folder === undefined ? model : join(folder, basename(model));
        const files = images && (await namesOf(images));
        if (folder !== undefined) await exportModel(model, bundle, { images: files });
        const examples = files ? await contentOf(files) : await own(bundle, model);
        const page = join(programRoot, 'dist', 'page');
        const server = await serveDemo(bundle, examples, page, port);
        process.stdout.write(`open ${server.url} (Ctrl-C ends)\n`);
        const end = (): void =>
          void server
            .close()
            .then(clean)
            .then(() => process.exit(0));
        process.once('SIGINT', end);
        process.once('SIGTERM', end);
      } catch (error) {
        await clean();
        throw error;
      }
    });
}

function contentOf(files: readonly string[]): Promise<DemoImage[]> {
  return Promise.all(files.map(async file => ({ name: basename(file), content: await readFile(file) })));
}

async function own(bundle: string, model: string): Promise<DemoImage[]> {
  const example = join(bundle, 'example.png');
  return [
    ...(existsSync(example) ? [{ name: 'The model’s example', content: readFileSync(example) }] : []),
    ...(model === packaged ? await testDigits() : []),
  ];
}

async function testDigits(): Promise<DemoImage[]> {
  const { test } = openData(readData({ preset: basename(packaged) }));
  const { width, height, channels } = test.shape;
  const indices = Int32Array.from({ length: digits.count }, (_, i) => (i * digits.apart) % test.size);
  const size = width * height * channels;
  const pixels = new Float32Array(indices.length * size);
  const labels = new Int32Array(indices.length);
  await test.read(indices, 0, pixels, labels);
  return Promise.all(
    Array.from(labels, async (label, i) => ({
      name: `A handwritten ${test.classes[label] ?? ''} hidden in clutter`,
      content: await encodePng(pixels.subarray(i * size, (i + 1) * size), test.shape),
    })),
  );
}
