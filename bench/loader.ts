/** Images a second of the loader beside a PyTorch DataLoader: the same JPEG files, training augmentation, as many workers, in alternation. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import sharp from 'sharp';
import { DataConfig } from '../src/data/config.js';
import type { Dataset } from '../src/data/dataset.js';
import { batches } from '../src/data/loader.js';
import { openData } from '../src/data/open.js';
import type { Spread } from '../src/model/spread.js';
import { spread } from '../src/model/spread.js';
import type { Random } from '../src/random/index.js';
import { integer, stream } from '../src/random/index.js';
import type { Waiting } from './data.js';
import { measureWaiting, resnet50 } from './data.js';
import { Peer } from './peer.js';
import { seed } from './subject.js';

const side = 224;
const batchSize = 64;
/** Of each of two classes. */
const files = 100;
/** Milliseconds in which the one whose turn is over prepares what it may ahead, on cores that are not the other's then. */
const untilQuiet = 1500;
/** Least images a second, as a multiple of PyTorch's. */
const target = 1;

export interface Loading {
  readonly workers: number;
  readonly imagesPerSecond: number;
  readonly pytorch: {
    readonly version: string;
    readonly imagesPerSecond: number;
    /** Ours over theirs in the same round. */
    readonly ratio: Spread;
    readonly target: number;
    readonly met: boolean;
  } | null;
  /** How long a step of ResNet-50 waits for batches of these files. */
  readonly waiting: Waiting;
}

interface LoaderOptions {
  readonly workers: number;
  readonly rounds: number;
  readonly seconds: number;
  readonly python: string | undefined;
  readonly report: (message: string) => void;
}

export async function measureLoader({
  workers,
  rounds,
  seconds,
  python,
  report,
}: LoaderOptions): Promise<Loading> {
  const folder = mkdtempSync(join(tmpdir(), 'gfnet-bench-'));
  try {
    report(`loader: ${2 * files} JPEG files of 500 x 375`);
    await writeFiles(folder);
    const { train, close } = openData(DataConfig.parse({ kind: 'folder', folder, side }), {
      decoders: workers,
    });
    const loader = endless(train);
    const ours = async (count: number): Promise<number> => {
      const started = performance.now();
      for (let i = 0; i < count; i++) await loader.next();
      return (performance.now() - started) / 1000;
    };
    await ours(4);
    const count = Math.max(8, Math.round((4 * seconds * 4) / (await ours(4))));
    const peer =
      python === undefined
        ? undefined
        : await Peer.serve(python, {
            program: 'bench_loader.py',
            options: { folder, side, batch: batchSize, workers },
          });
    const [own, theirs]: [number[], number[]] = [[], []];
    const speed = (time: number): number => (count * batchSize) / time;
    for (let round = 0; round < rounds; round++) {
      report(`loader: round ${round + 1} of ${rounds}, ${count} batches a turn`);
      // What either has prepared ahead is taken before the clock starts.
      const turns = [
        async () => (await ours(4), own.push(speed(await ours(count)))),
        async () =>
          peer && (await peer.peer.run(4 + 2 * workers), theirs.push(speed(await peer.peer.run(count)))),
      ];
      for (const turn of round % 2 === 0 ? turns : turns.toReversed()) {
        await setTimeout(untilQuiet);
        await turn();
      }
    }
    await peer?.peer.close();
    await close?.();
    report('loader: ResNet-50 learns from them');
    const waiting = await measureWaiting(resnet50(folder));
    const ratio = spread(own.map((value, round) => value / (theirs[round] ?? NaN)));
    return {
      workers,
      imagesPerSecond: spread(own).median,
      pytorch: peer
        ? {
            version: peer.version,
            imagesPerSecond: spread(theirs).median,
            ratio,
            target,
            met: ratio.median >= target,
          }
        : null,
      waiting,
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** JPEG files in folders of two classes. */
async function writeFiles(folder: string): Promise<void> {
  const random = stream(seed, 'photographs');
  for (const name of ['a', 'b']) {
    mkdirSync(join(folder, name));
    for (let i = 0; i < files; i++) writeFileSync(join(folder, name, `${i}.jpg`), await photograph(random));
  }
}

/** A JPEG of 500 x 375. Soft blotches with a little noise: they compress as photographs do. */
export async function photograph(random: Random): Promise<Buffer> {
  const data = Uint8Array.from({ length: 63 * 47 * 3 }, () => integer(random, 256));
  const small = await sharp(data, { raw: { width: 63, height: 47, channels: 3 } })
    .png()
    .toBuffer();
  return sharp(small).resize(500, 375, { fit: 'fill', kernel: 'cubic' }).jpeg({ quality: 90 }).toBuffer();
}

async function* endless(train: Dataset): AsyncGenerator<unknown, never> {
  const order = Int32Array.from({ length: 1e6 }, (_, i) => i % train.size);
  for (let epoch = 0; ; epoch++) yield* batches(train, { order, batchSize, epoch, dropLast: true });
}
