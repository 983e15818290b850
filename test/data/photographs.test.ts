import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { DataConfig } from '../../src/data/config.js';
import type { Splits } from '../../src/data/dataset.js';
import { openData } from '../../src/data/open.js';
import { errorOf } from '../helpers/error-of.js';
import { idx, readAll, scratchFolder } from './support.js';

const folder = scratchFolder();
const [side, canvas, count] = [4, 12, 40];
const photographs = join(folder.path, 'photographs');

/** Ten photographs of one colour each: red tells which, in the order of their names. */
const reds = Array.from({ length: 10 }, (_, i) => 10 + 20 * i);

/** Glyphs of one brightness all over: enough to hide what is behind them, or too dark for that. */
const [bright, dim] = [240, 17];

function open(config: Readonly<Record<string, unknown>> = {}): Splits {
  return openData(
    DataConfig.parse({
      kind: 'cluttered-idx',
      folder: folder.path,
      canvas,
      clutter: 0,
      clutterSize: 2,
      canvasesPerDigit: 1,
      validation: 10,
      photographs,
      ...config,
    }),
  );
}

beforeAll(async () => {
  mkdirSync(photographs);
  for (const [i, red] of reds.entries()) {
    const [width, height] = [20 + i, 30 - i];
    await sharp({ create: { width, height, channels: 3, background: { r: red, g: 100, b: 200 } } })
      .png()
      .toFile(join(photographs, `${i}.png`));
  }
  folder.file('photographs/notes.txt', Buffer.from('not a photograph'));
  const glyphs = Array.from({ length: count * side * side }, (_, i) =>
    Math.floor(i / side ** 2) % 2 ? dim : bright,
  );
  for (const name of ['train', 't10k']) {
    folder.file(`${name}-images-idx3-ubyte`, idx([count, side, side], glyphs));
    folder.file(
      `${name}-labels-idx1-ubyte`,
      idx(
        [count],
        Array.from({ length: count }, (_, i) => i % 2),
      ),
    );
  }
});

/** Red, green and blue of each pixel. */
function colours(image: Uint8Array): string[] {
  return Array.from({ length: image.length / 3 }, (_, i) => image.subarray(3 * i, 3 * i + 3).join());
}

/** How often each colour is there, the most frequent first. */
function counted(image: Uint8Array): [string, number][] {
  const counts = new Map<string, number>();
  for (const colour of colours(image)) counts.set(colour, (counts.get(colour) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a);
}

describe('glyphs on photographs', () => {
  it('are canvases in colour: a tinted glyph, whole, on a photograph of the set’s own', async () => {
    const own = { train: [0, 1, 2, 5, 6, 7], validation: [3, 8], test: [4, 9] };
    for (const [part, places] of Object.entries(own)) {
      const set = open()[part as keyof Splits & keyof typeof own];
      expect(set.shape).toEqual({ height: canvas, width: canvas, channels: 3 });
      const { images, labels } = await readAll(set);
      const seen = new Set<number>();
      for (const [i, image] of images.entries()) {
        const [[background, area] = ['', 0], [glyph, size] = ['', 0], ...more] = counted(image);
        expect([area, size, more]).toEqual([canvas ** 2 - side ** 2, side ** 2, []]);
        const [red, ...others] = background.split(',').map(Number);
        expect(others).toEqual([100, 200]);
        seen.add(reds.indexOf(red ?? 0));
        const tinted = glyph.split(',').map(Number);
        if (labels[i] === 0) {
          // Hidden behind the glyph: its brightness in a colour of at least 0.3 of it.
          expect(Math.min(...tinted)).toBeGreaterThanOrEqual(Math.floor(0.3 * bright));
          expect(Math.max(...tinted)).toBeLessThanOrEqual(bright);
        } else {
          // A fifth of what hides: 4/5 of the background shine through, with at most 1/5 of 17 added.
          tinted.forEach((value, channel) => {
            const through = 0.8 * ([red, 100, 200][channel] ?? 0);
            expect(value - through).toBeGreaterThanOrEqual(-0.5);
            expect(value - through).toBeLessThanOrEqual(0.2 * dim + 0.5);
          });
        }
      }
      expect([...seen].sort()).toEqual(places);
    }
  });

  it('are the same for the same seed, and new in each epoch of training', async () => {
    const { train, test } = open();
    const first = (await readAll(train)).images;
    expect((await readAll(open().train)).images).toEqual(first);
    expect((await readAll(train, 1)).images).not.toEqual(first);
    expect((await readAll(test, 1)).images).toEqual((await readAll(test)).images);
    expect((await readAll(open({ seed: 2 }).test)).images).not.toEqual((await readAll(test)).images);
  });

  it('want photographs for every set, and a folder that can be read', () => {
    const few = join(folder.path, 'few');
    mkdirSync(few);
    expect(errorOf(() => open({ photographs: few })).message).toMatch(/too few photographs[^]*at least 5/);
    expect(errorOf(() => open({ photographs: join(folder.path, 'none') })).message).toMatch(
      /folder of photographs cannot be read/,
    );
  });
});
