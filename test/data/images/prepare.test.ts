import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { scaled } from '../../../src/data/conform.js';
import { decodeImage } from '../../../src/data/decode.js';
import { AugmentConfig } from '../../../src/data/images/config.js';
import type { Plan } from '../../../src/data/images/prepare.js';
import { givesBytes, prepare as prepared } from '../../../src/data/images/prepare.js';
import { randAugment } from '../../../src/data/images/rand-augment.js';
import { randomRegion } from '../../../src/data/images/random-crop.js';
import { stream } from '../../../src/random/index.js';

const side = 32;
const target = { height: side, width: side, channels: 3, resize: 36, interpolation: 'bicubic' } as const;
const varied = (augment: object): Plan => ({
  target,
  vary: { augment: AugmentConfig.parse(augment), seed: 5, set: 'train' },
});
const seen = { index: 3, epoch: 2 };

/** A smooth picture in colour: what is off by part of a pixel differs little. */
function smooth(width: number, height: number): Uint8Array {
  return Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const [x, y, c] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width), i % 3];
    return 128 + 100 * Math.sin((3 * x) / width + c) * Math.cos((4 * y) / height + c);
  });
}
const encode = (width: number, height: number, format: 'png' | 'jpeg' = 'png'): Promise<Buffer> =>
  sharp(smooth(width, height), { raw: { width, height, channels: 3 } })
    .toFormat(format, format === 'jpeg' ? { quality: 100 } : {})
    .toBuffer();

/** As values in [0, 1], whichever it gives. */
async function prepare(...[bytes, given, plan, at]: Parameters<typeof prepared>): Promise<Float32Array> {
  const pixels = await prepared(bytes, given, plan, at);
  expect(pixels instanceof Uint8Array).toBe(givesBytes(plan));
  return pixels instanceof Uint8Array ? scaled(pixels) : pixels;
}

let photo: Buffer;
const decoded = async (): Promise<Float32Array> => scaled(await decodeImage(photo, target));
beforeAll(async () => {
  photo = await encode(90, 70);
});

const worst = (a: Float32Array, b: ArrayLike<number>): number =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] ?? NaN))), 0);

describe('an image', () => {
  it('of validation and test is what decodeImage makes of it', async () => {
    expect(await prepare(photo, 'photo', { target }, seen)).toEqual(await decoded());
  });

  it('cut at the centre and not varied otherwise is so in training too', async () => {
    const plan = varied({ crop: 'centre', flip: 0 });
    expect(await prepare(photo, 'photo', plan, seen)).toEqual(await decoded());
  });

  it('is varied by RandAugment after it is cut, where that is asked for', async () => {
    const config = { operations: 3, magnitude: 12 };
    const expected = await decoded();
    const random = stream(5, 'train', seen.epoch, seen.index);
    // Whether it is mirrored is drawn first.
    random();
    randAugment(expected, target, config, random);
    const plan = varied({ crop: 'centre', flip: 0, randAugment: config });
    expect(await prepare(photo, 'photo', plan, seen)).toEqual(expected);
    expect(worst(expected, await decoded())).toBeGreaterThan(0.1);
  });

  it('is mirrored as often as the configuration says', async () => {
    const whole = await decoded();
    const mirrored = whole.map((_, i) => {
      const [y, x, c] = [Math.floor(i / 3 / side), Math.floor(i / 3) % side, i % 3];
      return whole[(y * side + side - 1 - x) * 3 + c] ?? NaN;
    });
    let count = 0;
    for (let index = 0; index < 60; index++) {
      const pixels = await prepare(photo, 'photo', varied({ crop: 'centre', flip: 0.25 }), {
        index,
        epoch: 0,
      });
      const turned = worst(pixels, mirrored) === 0;
      if (!turned) expect(pixels).toEqual(whole);
      count += Number(turned);
    }
    expect(count).toBeGreaterThan(5);
    expect(count).toBeLessThan(27);
  });

  it.each([
    [90, 70, 'png'],
    [90, 70, 'jpeg'],
    [640, 480, 'jpeg'],
    [20, 15, 'png'],
  ] as const)(
    'of %i x %i pixels is cut at random as torchvision does it: a region, then resized',
    async (width, height, format) => {
      const bytes = await encode(width, height, format);
      const augment = AugmentConfig.parse({ flip: 0 });
      for (let index = 0; index < 10; index++) {
        const pixels = await prepare(bytes, 'photo', varied({ flip: 0 }), { index, epoch: 1 });
        const random = stream(5, 'train', 1, index);
        random();
        const region = randomRegion({ width, height }, augment, random);
        const all = smooth(width, height);
        const part = new Uint8Array(region.width * region.height * 3);
        for (let y = 0; y < region.height; y++) {
          const start = ((region.top + y) * width + region.left) * 3;
          part.set(all.subarray(start, start + region.width * 3), y * region.width * 3);
        }
        const expected = stretched(part, region);
        const shrunk = Math.min(region.width, region.height) >= 4 * side;
        // Rounded to bytes after either pass; what a JPEG keeps is off by a few levels.
        const exact = (format === 'png' ? 1.001 : 4) / 255;
        // Shifted by less than a pixel, mixed at its border with what lies beyond, and rounded to bytes three times.
        const near = 2 * steepest(expected) + 3 / 255;
        expect(worst(pixels, expected)).toBeLessThan(shrunk ? near : exact);
        const sum = pixels.reduce((sum, value, i) => sum + Math.abs(value - (expected[i] ?? NaN)), 0);
        expect(sum / pixels.length).toBeLessThan(shrunk ? steepest(expected) / 2 + 1 / 255 : 1 / 255);
      }
    },
  );

  it('depends on seed, set, epoch and index, and on nothing else', async () => {
    const plan = varied({ brightness: 0.2, contrast: 0.2, saturation: 0.2, hue: 0.1 });
    const first = await prepare(photo, 'photo', plan, seen);
    expect(await prepare(photo, 'again', plan, { ...seen })).toEqual(first);
    const { vary } = plan;
    const others = await Promise.all([
      prepare(photo, 'photo', plan, { ...seen, index: 4 }),
      prepare(photo, 'photo', plan, { ...seen, epoch: 3 }),
      ...(vary ? [prepare(photo, 'photo', { target, vary: { ...vary, seed: 6 } }, seen)] : []),
    ]);
    expect(others).toHaveLength(3);
    for (const other of others) expect(worst(other, first)).toBeGreaterThan(0.02);
  });

  it('is turned before a region of it is chosen', async () => {
    // 12 x 30 as stored, 30 x 12 as shown; its region reaches further to the right than the stored picture does.
    const upright = await sharp(smooth(12, 30), { raw: { width: 12, height: 30, channels: 3 } })
      .withMetadata({ orientation: 6 })
      .png()
      .toBuffer();
    const turned = await sharp(upright).autoOrient().png().toBuffer();
    const plan = varied({ scale: [0.5, 1], ratio: [2, 2.5] });
    for (let index = 0; index < 5; index++) {
      const at = { index, epoch: 0 };
      expect(worst(await prepare(upright, 'a', plan, at), await prepare(turned, 'b', plan, at))).toBe(0);
    }
  });

  it('in grey, CMYK, with alpha or 16 bits becomes grey or RGB, cut at random or at the centre', async () => {
    const flat = (background: object, channels: 3 | 4 = 3) =>
      sharp({ create: { width: 40, height: 30, channels, background } });
    const orange = { r: 240, g: 120, b: 40 };
    const files: [string, Buffer, number[]][] = [
      ['grey', await flat({ r: 90, g: 90, b: 90 }).toColourspace('b-w').jpeg().toBuffer(), [90, 90, 90]],
      [
        'alpha',
        await flat({ ...orange, alpha: 0.5 }, 4)
          .webp({ lossless: true })
          .toBuffer(),
        [120, 60, 20],
      ],
      ['cmyk', await flat(orange).toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer(), [240, 120, 40]],
      ['16 bits', await flat(orange).toColourspace('rgb16').png().toBuffer(), [240, 120, 40]],
      ['avif', await flat(orange).avif({ quality: 90 }).toBuffer(), [240, 120, 40]],
      ['gif', await flat(orange).gif().toBuffer(), [240, 120, 40]],
      ['tiff', await flat(orange).tiff().toBuffer(), [240, 120, 40]],
    ];
    for (const [name, bytes, expected] of files) {
      for (const plan of [varied({}), { target }]) {
        const pixels = await prepare(bytes, name, plan, seen);
        // A press prints fewer colours than a screen shows.
        const tolerance = name === 'cmyk' ? 40 : 4;
        for (const at of [0, pixels.length / 2, pixels.length - 3]) {
          expected.forEach((level, c) =>
            expect(Math.abs(255 * (pixels[at + c] ?? NaN) - level), `${name} ${c}`).toBeLessThan(tolerance),
          );
        }
        const grey = await prepare(bytes, name, { ...plan, target: { ...target, channels: 1 } }, seen);
        expect(grey).toHaveLength(side * side);
      }
    }
  });
});

type Line = (at: number) => number;

/** The part resized to the target, bilinear and antialiased: rows, then columns, straight from the definition. */
function stretched(part: Uint8Array, { width, height }: { width: number; height: number }): Float32Array {
  const pixels = new Float32Array(side * side * 3);
  for (let c = 0; c < 3; c++) {
    const rows = Array.from({ length: height }, (_, y) =>
      shortened(x => (part[(y * width + x) * 3 + c] ?? NaN) / 255, width),
    );
    for (let x = 0; x < side; x++) {
      shortened(y => rows[y]?.[x] ?? NaN, height).forEach(
        (value, y) => (pixels[(y * side + x) * 3 + c] = value),
      );
    }
  }
  return pixels;
}

function shortened(line: Line, length: number): number[] {
  const scale = length / side;
  const reach = Math.max(1, scale);
  return Array.from({ length: side }, (_, i) => {
    const centre = (i + 0.5) * scale;
    let [sum, weights] = [0, 0];
    const end = Math.min(length, centre + reach);
    for (let j = Math.max(0, Math.floor(centre - reach)); j < end; j++) {
      const weight = Math.max(0, 1 - Math.abs(j + 0.5 - centre) / reach);
      sum += weight * line(j);
      weights += weight;
    }
    return sum / weights;
  });
}

/** The most that a pixel differs from the next below or to the right. */
function steepest(pixels: Float32Array): number {
  let most = 0;
  for (let i = 0; i < pixels.length - side * 3; i++) {
    const next = [i + side * 3, ...(Math.floor(i / 3) % side < side - 1 ? [i + 3] : [])];
    for (const j of next) most = Math.max(most, Math.abs((pixels[j] ?? NaN) - (pixels[i] ?? NaN)));
  }
  return most;
}
