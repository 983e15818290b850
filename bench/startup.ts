/** How long a set of a million images takes to open, and in how much memory: up to its first training batch. */
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { DataConfig } from '../src/data/config.js';
import { batches, shuffled } from '../src/data/loader.js';
import { openData } from '../src/data/open.js';
import { seed } from './subject.js';

const images = 1_000_000;
const classes = 1000;
/** Different files; the manifest names each of them many times. */
const files = 100;
const targets = { seconds: 10, mebibytes: 1024 };

export interface StartUp {
  readonly images: number;
  /** Until the first batch. */
  readonly seconds: number;
  /** Resident then, all that the process holds. */
  readonly mebibytes: number;
  readonly targets: typeof targets;
  readonly met: boolean;
}

export async function measureStartUp(report: (message: string) => void): Promise<StartUp> {
  const folder = mkdtempSync(join(tmpdir(), 'gfnet-bench-'));
  try {
    report(`startup: a manifest of ${images} images`);
    const file = await writeManifest(folder);
    const config = DataConfig.parse({ kind: 'manifest', file, side: 32 });
    const started = performance.now();
    const { train, close } = openData(config);
    const order = shuffled(train, seed, 0);
    for await (const { size } of batches(train, { order, batchSize: 64, epoch: 0, dropLast: true })) {
      if (size > 0) break;
    }
    const seconds = (performance.now() - started) / 1000;
    const mebibytes = process.resourceUsage().maxRSS / 1024;
    await close?.();
    return {
      images,
      seconds,
      mebibytes,
      targets,
      met: seconds < targets.seconds && mebibytes < targets.mebibytes,
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function writeManifest(folder: string): Promise<string> {
  for (let i = 0; i < files; i++) {
    const background = { r: i, g: 2 * i, b: 255 - i };
    await sharp({ create: { width: 40, height: 40, channels: 3, background } }).toFile(
      join(folder, `${i}.png`),
    );
  }
  const path = join(folder, 'list.csv');
  const file = openSync(path, 'w');
  writeSync(file, 'path,label\n');
  const chunk = images / 100;
  for (let c = 0; c < images; c += chunk) {
    const lines = Array.from(
      { length: chunk },
      (_, i) => `./folder-${c}-${i}/../${(c + i) % files}.png,class-${(c + i) % classes}\n`,
    );
    writeSync(file, lines.join(''));
  }
  closeSync(file);
  return path;
}
