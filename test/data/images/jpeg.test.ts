import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import type { JpegOptions } from 'sharp';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { AugmentConfig } from '../../../src/data/images/config.js';
import { plainJpeg } from '../../../src/data/images/jpeg.js';
import type { Plan } from '../../../src/data/images/prepare.js';
import { prepare } from '../../../src/data/images/prepare.js';
import type { JpegModule } from '../../../src/engine/jpeg.js';
import { jpegModule } from '../../../src/engine/jpeg.js';
import { startEngine } from '../../../src/engine/start.js';
import { ImageError } from '../../../src/errors/index.js';
import { integer, stream } from '../../../src/random/index.js';

let native: JpegModule;
/** How often it decoded. */
let decoded = 0;
beforeAll(() => {
  expect(jpegModule()).toBeUndefined();
  startEngine();
  const module = createRequire(import.meta.url)(jpegModule() ?? '') as JpegModule;
  native = {
    decode: (...args) => {
      const done = module.decode(...args);
      if (done) decoded++;
      return done;
    },
  };
});

const random = stream(7, 'jpeg');

/** Colours that change from pixel to pixel, where what lies beside a region matters to it. */
async function photo(
  width: number,
  height: number,
  settings: JpegOptions = {},
  channels: 1 | 3 = 3,
): Promise<Buffer> {
  const data = Uint8Array.from({ length: width * height * channels }, () => integer(random, 256));
  const image = sharp(data, { raw: { width, height, channels } }).blur(0.8);
  return (channels === 1 ? image.toColourspace('b-w') : image).jpeg({ quality: 90, ...settings }).toBuffer();
}

/** With an EXIF segment of one entry after its start. */
function withOrientation(jpeg: Buffer, orientation: number, order: 'II' | 'MM'): Buffer {
  const tiff = Buffer.alloc(8 + 2 + 12 + 4);
  const two = (value: number, at: number) =>
    order === 'II' ? tiff.writeUInt16LE(value, at) : tiff.writeUInt16BE(value, at);
  const four = (value: number, at: number) =>
    order === 'II' ? tiff.writeUInt32LE(value, at) : tiff.writeUInt32BE(value, at);
  tiff.write(order);
  two(42, 2);
  four(8, 4);
  two(1, 8);
  two(0x0112, 10);
  two(3, 12);
  four(1, 14);
  two(orientation, 18);
  const content = Buffer.concat([Buffer.from('Exif\0\0'), tiff]);
  const length = Buffer.from([0xff, 0xe1, 0, content.length + 2]);
  return Buffer.concat([jpeg.subarray(0, 2), length, content, jpeg.subarray(2)]);
}

const target = { height: 24, width: 24, channels: 3, resize: 26 } as const;
const cutAtRandom = (channels: 1 | 3 = 3): Plan => ({
  target: { ...target, channels },
  vary: { augment: AugmentConfig.parse({}), seed: 5, set: 'train' },
});

/** What becomes of it, an error by what it says. */
async function outcome(bytes: Buffer, plan: Plan, index: number, ...decoder: JpegModule[]): Promise<unknown> {
  try {
    return await prepare(bytes, 'photo', plan, { index, epoch: 0 }, ...decoder);
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    return error.explanation.problem;
  }
}

/** As many were decoded without sharp as is said. */
async function expectSame(bytes: Buffer, channels: 1 | 3, without: 'sharp' | 'TensorFlow'): Promise<void> {
  for (const plan of [cutAtRandom(channels), { target: { ...target, channels } }]) {
    for (let index = 0; index < 6; index++) {
      const before = decoded;
      const found = await outcome(bytes, plan, index, native);
      expect(decoded - before).toBe(without === 'sharp' ? 1 : 0);
      expect(found).toEqual(await outcome(bytes, plan, index));
    }
  }
}

describe('a JPEG decoded by TensorFlow is what sharp makes of it', () => {
  it.each<[string, JpegOptions]>([
    ['4:2:0', { chromaSubsampling: '4:2:0' }],
    ['4:4:4', { chromaSubsampling: '4:4:4' }],
    ['progressive', { progressive: true }],
    ['coarse', { quality: 5 }],
    ['with tables of its own', { mozjpeg: true }],
  ])('%s', async (_, settings) => {
    for (const [width, height] of [
      [90, 70],
      [33, 17],
      [16, 16],
      [3, 2],
      [1, 1],
    ] as const) {
      await expectSame(await photo(width, height, settings), 3, 'sharp');
    }
  });

  it('grey, as grey and as colours', async () => {
    const grey = await photo(50, 40, {}, 1);
    expect((await sharp(grey).metadata()).channels).toBe(1);
    await expectSame(grey, 1, 'sharp');
    await expectSame(grey, 3, 'sharp');
  });

  it.each(['II', 'MM'] as const)('upright by its EXIF, in the order %s', async order => {
    await expectSame(withOrientation(await photo(50, 40), 1, order), 3, 'sharp');
  });
});

describe('sharp decodes', () => {
  it.each([2, 3, 4, 5, 6, 7, 8])('what EXIF turns: orientation %i', async orientation => {
    for (const order of ['II', 'MM'] as const) {
      const turned = withOrientation(await photo(40, 30), orientation, order);
      expect((await sharp(turned).metadata()).orientation).toBe(orientation);
      await expectSame(turned, 3, 'TensorFlow');
    }
  });

  it('colours that are to be grey, CMYK, a profile of its own, and other formats', async () => {
    await expectSame(await photo(40, 30), 1, 'TensorFlow');
    const image = sharp(await photo(40, 30));
    await expectSame(await image.clone().toColourspace('cmyk').jpeg().toBuffer(), 3, 'TensorFlow');
    await expectSame(await image.clone().withIccProfile('p3').jpeg().toBuffer(), 3, 'TensorFlow');
    await expectSame(await image.clone().png().toBuffer(), 3, 'TensorFlow');
  });

  it('a region of at least four times the size, for it decodes at a fraction', async () => {
    const large = await photo(400, 300);
    const plan = {
      ...cutAtRandom(),
      vary: { augment: AugmentConfig.parse({ scale: [1, 1], ratio: [1, 1] }), seed: 5, set: 'train' },
    };
    const before = decoded;
    expect(await outcome(large, plan, 0, native)).toEqual(await outcome(large, plan, 0));
    expect(decoded).toBe(before);
  });
});

it('decoding keeps no memory, of whole files or of damaged ones', async () => {
  const whole = await photo(400, 300);
  const cut = whole.subarray(0, whole.length / 2);
  const out = new Uint8Array(300 * 400 * 3);
  const many = (): number => {
    for (let i = 0; i < 600; i++) {
      expect(native.decode(whole, 3, 400, 0, 0, 300, 400, out)).toBe(true);
      expect(native.decode(cut, 3, 400, 0, 0, 300, 400, out)).toBe(false);
    }
    return process.memoryUsage().rss;
  };
  many();
  const before = many();
  // An image that were kept each time would take 216 MB.
  expect(many() - before).toBeLessThan(40e6);
});

describe('of what is damaged', () => {
  it('a file that is cut off is refused, wherever it ends', async () => {
    const whole = await photo(60, 50);
    for (let i = 0; i < 60; i++) {
      const cut = whole.subarray(0, integer(random, whole.length - 2));
      expect(await outcome(cut, { target }, 0, native)).toEqual(await outcome(cut, { target }, 0));
      expect(await outcome(cut, { target }, 0, native)).toBeTypeOf('string');
      expect(plainJpeg(cut.subarray(0, 100), 3, native)).toBeUndefined();
    }
  });

  it('libjpeg says nothing on stderr', async () => {
    const whole = await photo(60, 50);
    const program = `const image = Buffer.from('${whole.toString('base64')}', 'base64');
      const out = new Uint8Array(60 * 50 * 3);
      const { decode } = require(process.argv[1]);
      console.log(decode(image, 3, 60, 0, 0, 50, 60, out));
      image.fill(0, 900, 1000);
      console.log(decode(image, 3, 60, 0, 0, 50, 60, out), decode(image.subarray(0, 900), 3, 60, 0, 0, 50, 60, out));
      console.error('said by Node');`;
    const run = spawnSync(process.execPath, ['-e', program, jpegModule() ?? ''], {
      encoding: 'utf8',
      env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2' },
    });
    expect(run.stderr).toBe('said by Node\n');
    expect(run.stdout).toMatch(/^true\n(true|false) false\n$/);
  });

  it('bytes that are changed give the same pixels or the same error, but for a few that libvips is stricter about', async () => {
    const whole = await photo(60, 50);
    let others = 0;
    for (let i = 0; i < 200; i++) {
      const changed = Buffer.from(whole);
      for (let k = 0; k <= i % 4; k++) changed[integer(random, changed.length)] = integer(random, 256);
      const plan = i % 2 === 0 ? { target } : cutAtRandom();
      const [found, expected] = [await outcome(changed, plan, i, native), await outcome(changed, plan, i)];
      if (typeof found === 'string' || typeof expected !== 'string') expect(found).toEqual(expected);
      else others++;
    }
    expect(others).toBeLessThan(10);
  });
});
