/** How long a set of a million images takes to open, and in how much memory: up to its first training batch, in a process of its own. */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';

const images = 1_000_000;
const classes = 1000;
/** Files of different content; each stands for many images. */
const files = 100;
/** Tar files. */
const shards = 100;
const targets = { seconds: 10, mebibytes: 1024 };

const kinds = ['manifest', 'shards', 'folder'] as const;

export interface StartUp {
  readonly kind: (typeof kinds)[number];
  readonly images: number;
  /** Until the first batch; what Node and the program take to load is not in it. */
  readonly seconds: number;
  /** Resident at most by then, all that the process holds. */
  readonly mebibytes: number;
  readonly targets: typeof targets;
  readonly met: boolean;
}

export async function measureStartUp(report: (message: string) => void): Promise<StartUp[]> {
  const folder = mkdtempSync(join(tmpdir(), 'gfnet-bench-'));
  try {
    const pictures = join(folder, 'pictures');
    mkdirSync(pictures);
    for (let i = 0; i < files; i++) {
      const background = { r: i, g: 2 * i, b: 255 - i };
      await sharp({ create: { width: 40, height: 40, channels: 3, background } }).toFile(nth(pictures, i));
    }
    return kinds.map(kind => {
      report(`startup: ${kind} of ${images} images`);
      const data = { kind, side: 32, ...writers[kind](folder, pictures) };
      const opener = join(import.meta.dirname, 'startup-opener.js');
      const told = execFileSync(process.execPath, [opener, JSON.stringify(data)], { encoding: 'utf8' });
      const { seconds, mebibytes } = JSON.parse(told) as Pick<StartUp, 'seconds' | 'mebibytes'>;
      const met = seconds < targets.seconds && mebibytes < targets.mebibytes;
      return { kind, images, seconds, mebibytes, targets, met };
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const nth = (pictures: string, i: number): string => join(pictures, `${i % files}.png`);

type Writer = (folder: string, pictures: string) => Readonly<Record<string, string>>;

const writers: Readonly<Record<StartUp['kind'], Writer>> = {
  manifest(folder) {
    const file = join(folder, 'list.csv');
    const handle = openSync(file, 'w');
    writeSync(handle, 'path,label\n');
    const chunk = images / 100;
    for (let c = 0; c < images; c += chunk) {
      const lines = Array.from(
        { length: chunk },
        (_, i) => `./pictures/../pictures/./${(c + i) % files}.png,class-${(c + i) % classes}\n`,
      );
      writeSync(handle, lines.join(''));
    }
    closeSync(handle);
    return { file };
  },
  shards(folder, pictures) {
    const out = join(folder, 'shards');
    mkdirSync(out);
    const contents = Array.from({ length: files }, (_, i) => readFileSync(nth(pictures, i)));
    for (let shard = 0; shard < shards; shard++) {
      const handle = openSync(join(out, `train-${shard}.tar`), 'w');
      for (let i = 0; i < images / shards; i += 1000) {
        const entries = Array.from({ length: 1000 }, (_, k) => {
          const index = (shard * images) / shards + i + k;
          return [
            ...entry(`${index}.png`, contents[index % files] ?? Buffer.alloc(0)),
            ...entry(`${index}.cls`, Buffer.from(String(index % classes))),
          ];
        });
        writeSync(handle, Buffer.concat(entries.flat()));
      }
      writeSync(handle, Buffer.alloc(1024));
      closeSync(handle);
    }
    return { folder: out };
  },
  folder(folder, pictures) {
    const out = join(folder, 'folders');
    for (let c = 0; c < classes; c++) {
      const own = join(out, `class-${c}`);
      mkdirSync(own, { recursive: true });
      for (let i = 0; i < images / classes; i++) linkSync(nth(pictures, i), join(own, `${i}.png`));
    }
    return { folder: out };
  },
};

/** A file in a tar file (POSIX ustar): header, content, padding. */
function entry(name: string, content: Buffer): Buffer[] {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write('0000644\0', 100);
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write('        0', 148);
  header.write('ustar\u000000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return [header, content, Buffer.alloc((512 - (content.length % 512)) % 512)];
}
