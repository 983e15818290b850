import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync, crc32 } from 'node:zlib';
import fc from 'fast-check';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeImage, encodePng } from '../../src/data/decode.js';
import { ImageError } from '../../src/errors/index.js';

const grey = (side: number) => ({ height: side, width: side, channels: 1 });
const rgb = (side: number) => ({ height: side, width: side, channels: 3 });

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'decode-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

const png = (data: number[], width: number, height: number, channels: 1 | 2 | 3 | 4) =>
  sharp(Uint8Array.from(data), { raw: { width, height, channels } }).png().toBuffer();

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type), data]);
  const ends = Buffer.alloc(8);
  ends.writeUInt32BE(data.length, 0);
  ends.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
}

/** A PNG whose header promises `side` x `side` grey pixels. */
function bomb(side: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header[8] = 8;
  const signature = Buffer.from('89504e470d0a1a0a', 'hex');
  const body = chunk('IDAT', deflateSync(Buffer.alloc(1000)));
  return Buffer.concat([signature, chunk('IHDR', header), body, chunk('IEND', Buffer.alloc(0))]);
}

describe('decodeImage', () => {
  it('reads back what encodePng wrote, from a buffer and from a file', async () => {
    for (const channels of [1, 3]) {
      const shape = { height: 3, width: 5, channels };
      const pixels = Uint8Array.from({ length: 15 * channels }, (_, i) => (i * 37) % 256);
      const bytes = await encodePng(pixels, shape);
      expect(await decodeImage(bytes, shape)).toEqual(pixels);
      expect(await decodeImage(file('round.png', bytes), shape)).toEqual(pixels);
    }
  });

  it('rounds to the nearest of 256 levels', async () => {
    await fc.assert(
      fc.asyncProperty(fc.float({ min: 0, max: 1, noNaN: true }), async value => {
        const [decoded] = await decodeImage(await encodePng(Float32Array.of(value), grey(1)), grey(1));
        expect(Math.abs((decoded ?? NaN) / 255 - value)).toBeLessThanOrEqual(0.5 / 255 + 1e-6);
      }),
      { numRuns: 20 },
    );
  });

  it('repeats grey in the three channels, and makes grey RGB grey again', async () => {
    const ramp = Uint8Array.of(0, 51, 102, 255);
    const asRgb = await decodeImage(await encodePng(ramp, grey(2)), rgb(2));
    expect(asRgb).toEqual(Uint8Array.from({ length: 12 }, (_, i) => ramp[Math.floor(i / 3)] ?? NaN));
    expect(await decodeImage(await encodePng(asRgb, rgb(2)), grey(2))).toEqual(ramp);
  });

  it('lays transparent pixels over black', async () => {
    const half = await png([255, 0, 0, 255, 0, 255, 0, 0, 0, 0, 255, 51, 255, 255, 255, 102], 2, 2, 4);
    const expected = [255, 0, 0, 0, 0, 0, 0, 0, 51, 102, 102, 102];
    expect([...(await decodeImage(half, rgb(2)))]).toEqual(expected);
    expect([...(await decodeImage(await png([255, 51], 1, 1, 2), grey(1)))]).toEqual([51]);
  });

  it('turns the image as its EXIF orientation says', async () => {
    // Orientation 6: shown after a quarter turn clockwise, so the left column read upwards becomes the top row.
    const stored = sharp(Uint8Array.of(10, 20, 30, 40), { raw: { width: 2, height: 2, channels: 1 } });
    const bytes = await stored.withMetadata({ orientation: 6 }).png().toBuffer();
    const values = await decodeImage(bytes, grey(2));
    expect([...values]).toEqual([30, 10, 40, 20]);
  });

  it.each(['jpeg', 'webp', 'tiff'] as const)('turns %s too', async format => {
    // Left half dark, right half light; turned clockwise the dark half is at the top.
    const halves = Uint8Array.from({ length: 32 * 32 }, (_, i) => (i % 32 < 16 ? 20 : 230));
    const stored = sharp(halves, { raw: { width: 32, height: 32, channels: 1 } });
    const bytes = await stored.withMetadata({ orientation: 6 }).toFormat(format, { quality: 100 }).toBuffer();
    const values = await decodeImage(bytes, grey(8));
    for (const value of values.subarray(0, 8)) expect(value).toBeCloseTo(20, -1);
    for (const value of values.subarray(-8)) expect(value).toBeCloseTo(230, -1);
  });

  it.each(['gif', 'webp'] as const)('takes the first frame of %s', async format => {
    const frames = Uint8Array.from({ length: 2 * 16 * 16 * 3 }, (_, i) => (i < 16 * 16 * 3 ? 220 : 30));
    const raw = { width: 16, height: 32, channels: 3, pageHeight: 16 } as const;
    const bytes = await sharp(frames, { raw }).toFormat(format).toBuffer();
    expect((await sharp(bytes, { animated: true }).metadata()).pages).toBe(2);
    for (const value of await decodeImage(bytes, rgb(4))) expect(value).toBeCloseTo(220, -1);
  });

  it('covers the shape and crops at the centre', async () => {
    const thirds = [0, 255, 0].flatMap(value => Array<number>(8).fill(value));
    const wide = await sharp(
      Uint8Array.from({ length: 24 * 8 }, (_, i) => thirds[i % 24] ?? 0),
      {
        raw: { width: 24, height: 8, channels: 1 },
      },
    )
      .png()
      .toBuffer();
    expect(await decodeImage(wide, grey(8))).toEqual(new Uint8Array(64).fill(255));
  });

  it('keeps the mean when it shrinks', async () => {
    const board = Uint8Array.from({ length: 64 * 64 }, (_, i) => (((i >> 6) + i) % 2) * 255);
    const values = await decodeImage({ data: board, width: 64, height: 64, channels: 1 }, grey(8));
    for (const value of values) expect(value / 255).toBeCloseTo(0.5, 1);
  });

  it.each(['jpeg', 'webp', 'avif', 'gif', 'tiff'] as const)('reads %s', async format => {
    const flat = sharp({
      create: { width: 16, height: 16, channels: 3, background: { r: 200, g: 100, b: 50 } },
    });
    const values = await decodeImage(await flat.toFormat(format).toBuffer(), rgb(4));
    [200, 100, 50].forEach((value, c) => expect(values[c]).toBeCloseTo(value, -1));
  });

  it('takes 16-bit files', async () => {
    const deep = sharp(Uint16Array.of(0, 0x8080, 0xffff, 0), { raw: { width: 2, height: 2, channels: 1 } });
    const bytes = await deep.toColourspace('grey16').png().toBuffer();
    const values = await decodeImage(bytes, grey(2));
    expect([...values]).toEqual([0, 128, 255, 0]);
  });

  it('gives raw bytes of the right shape back as they are, in memory of their own, and rounds values', async () => {
    const data = Uint8Array.of(0, 51, 102, 255);
    const bytes = await decodeImage({ data, width: 2, height: 2, channels: 1 }, grey(2));
    expect(bytes).toEqual(data);
    expect(bytes.buffer).not.toBe(data.buffer);
    const buffer = Buffer.from(data);
    const own = await decodeImage({ data: buffer, width: 2, height: 2, channels: 1 }, grey(2));
    buffer.fill(0);
    expect(own).toEqual(data);
    const values = { data: Float32Array.of(0, 0.201, 0.4, 1), width: 2, height: 2, channels: 1 };
    expect(await decodeImage(values, grey(2))).toEqual(data);
  });

  it.each([
    [{ data: new Uint8Array(4), width: 2, height: 3, channels: 1 }, '6 (width 2'],
    [{ data: new Uint8Array(8), width: 2, height: 2, channels: 2 }, '3 (RGB)'],
    [{ data: new Uint8Array(0), width: 0, height: 2, channels: 1 }, 'at least 1 x 1'],
    [{ data: new Uint8Array(3), width: 1.5, height: 2, channels: 1 }, 'at least 1 x 1'],
    [{ data: Float32Array.of(0.5, 128), width: 2, height: 1, channels: 1 }, '[0, 1]'],
    [{ data: Float32Array.of(NaN), width: 1, height: 1, channels: 1 }, '[0, 1]'],
  ])('refuses raw pixels that do not fit: %#', async (source, allowed) => {
    const error = await decodeImage(source, grey(2)).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ImageError);
    expect((error as ImageError).explanation.allowed).toContain(allowed);
  });

  it('says what is wrong with a file, naming it and how to mend it', async () => {
    const noise = Float32Array.from({ length: 4096 }, (_, i) => ((i * 7919) % 256) / 255);
    const whole = await encodePng(noise, grey(64));
    const cases: [string, string][] = [
      [join(folder, 'missing.png'), 'cannot be read'],
      [folder, 'not a file'],
      [file('empty.png', new Uint8Array(0)), 'empty'],
      [file('truncated.png', whole.subarray(0, whole.length >> 1)), 'damaged or cut off'],
      [file('header.png', whole.subarray(0, 12)), 'not an image'],
      [file('text.png', Buffer.from('class,file\n7,seven.png\n')), 'not an image'],
      [
        file('drawing.png', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')),
        'not an image',
      ],
      [file('huge.png', bomb(20_000)), 'too large'],
    ];
    for (const [path, problem] of cases) {
      const error = await decodeImage(path, grey(8)).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(ImageError);
      const { explanation } = error as ImageError;
      expect(explanation.problem).toContain(problem);
      expect(explanation.given).toContain(path);
      expect(explanation.allowed).toBeTruthy();
      expect(explanation.mend).toBeTruthy();
    }
  });

  it('takes any number of images at once, damaged ones among them', async () => {
    const pixels = Array.from({ length: 20 }, (_, i) => new Uint8Array(64).fill(i));
    const files = await Promise.all(pixels.map(image => encodePng(image, grey(8))));
    const given = files.map((bytes, i) => (i % 3 === 1 ? bytes.subarray(0, bytes.length - 20) : bytes));
    const results = await Promise.allSettled(given.map(bytes => decodeImage(bytes, grey(8))));
    for (const [i, result] of results.entries()) {
      if (i % 3 === 1) expect(result).toMatchObject({ reason: expect.any(ImageError) as ImageError });
      else expect(result).toEqual({ status: 'fulfilled', value: pixels[i] });
    }
  });

  it('answers damaged bytes with an image or an ImageError, nothing else', async () => {
    const whole = await encodePng(new Float32Array(64).fill(0.5), grey(8));
    const edits = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(edits, async changes => {
        const bytes = Uint8Array.from(whole);
        for (const [at, value] of changes) bytes[at] = value;
        const result = await decodeImage(bytes, grey(8)).catch((reason: unknown) => reason);
        if (result instanceof Uint8Array) expect(result).toHaveLength(64);
        else expect(result).toBeInstanceOf(ImageError);
      }),
      { numRuns: 100 },
    );
  });
});

describe('encodePng', () => {
  it('refuses pixels that do not fit the shape', async () => {
    await expect(encodePng(new Float32Array(5), grey(2))).rejects.toThrow(ImageError);
  });
});
