import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { DataConfig } from '../../../src/data/config.js';
import { scaled } from '../../../src/data/conform.js';
import type { Dataset, Splits } from '../../../src/data/dataset.js';
import { decodeImage } from '../../../src/data/decode.js';
import { batches, inOrder, requireReadable } from '../../../src/data/loader.js';
import { openData } from '../../../src/data/open.js';
import type { ImageError } from '../../../src/errors/index.js';
import { DataError, UsageError } from '../../../src/errors/index.js';
import { temporaryFolder } from '../../checkpoint/support.js';
import { errorOf } from '../../helpers/error-of.js';
import { broken, classFolders } from './support.js';

const root = temporaryFolder();
const whole = join(root, 'whole');
const partly = join(root, 'partly');
const hopeless = join(root, 'hopeless');
const lost = join(root, 'lost');
const classes = ['a', 'b', 'c'];
beforeAll(async () => {
  for (const [part, count] of [
    ['train', 12],
    ['val', 4],
    ['test', 5],
  ] as const) {
    await classFolders(whole, classes, count, part);
    await classFolders(partly, classes, count, part);
  }
  broken(join(partly, 'train/b/0.png'));
  broken(join(partly, 'train/b/zz.jpg'), '');
  broken(join(partly, 'test/c/2.png'));
  for (const set of ['train', 'val', 'test'])
    for (const name of classes) broken(join(lost, set, name, '1.png'));
  await classFolders(hopeless, ['a'], 8);
  for (const i of ['1', '2', '3', '4', '5', '6', '7', '8']) broken(join(hopeless, 'b', `${i}.png`));
});

const opened: Splits[] = [];
afterEach(async () => {
  for (const { close } of opened.splice(0)) await close?.();
});

function open(folder: string, options: object = {}, workers = 2, told: ImageError[] = []): Splits {
  const config = DataConfig.parse({ kind: 'folder', folder, side: 8, ...options });
  const splits = openData(config, { decoders: workers, onBroken: error => told.push(error) });
  opened.push(splits);
  return splits;
}

/** Pixels and labels of a whole set. */
async function read(set: Dataset, epoch = 0, batchSize = 10) {
  const result: { images: Float32Array[]; labels: number[]; indices: number[] } = {
    images: [],
    labels: [],
    indices: [],
  };
  for await (const batch of batches(set, { order: inOrder(set), batchSize, epoch, dropLast: false })) {
    result.images.push(batch.images);
    result.labels.push(...batch.labels);
    result.indices.push(...batch.indices);
  }
  return { ...result, images: Float32Array.from(result.images.flatMap(images => [...images])) };
}

describe('a set of image files', () => {
  it('has the classes, the shape and the images of its folder', async () => {
    const { train, validation, test, preparation } = open(whole, { channels: 1, resize: 9 });
    expect(train).toMatchObject({ size: 36, classes, shape: { height: 8, width: 8, channels: 1 } });
    expect([validation.size, test.size]).toEqual([12, 15]);
    const names = Array.from({ length: 15 }, (_, i) => test.nameOf?.(i) ?? '');
    expect(new Set(names).size).toBe(15);
    for (const [i, name] of names.entries()) {
      expect(existsSync(name), name).toBe(true);
      expect(name).toContain(`/${classes[test.label(i)] ?? ''}/`);
    }
    expect(preparation).toEqual({ resize: 9, interpolation: 'bilinear' });
    const { images, labels } = await read(test);
    expect(images).toHaveLength(15 * 64);
    const levels = labels.map((label, i) => Math.round(255 * (images[64 * i] ?? NaN)) - 60 * label);
    for (const label of [0, 1, 2]) {
      expect(levels.filter((_, i) => labels[i] === label).sort()).toEqual([0, 1, 2, 3, 4]);
    }
  });

  it('is the same however many workers there are and however it is read', async () => {
    const vary = { augment: { brightness: 0.3, hue: 0.1, flip: 0.5 } };
    const [one, three] = [open(whole, vary, 1).train, open(whole, vary, 3).train];
    const first = await read(one, 4);
    expect(await read(three, 4, 7)).toEqual(first);
    expect((await read(three, 5)).images).not.toEqual(first.images);
    // One alone, after all others.
    const pixels = new Float32Array(192);
    await three.read(Int32Array.of(17), 4, pixels, new Int32Array(1));
    expect(pixels).toEqual(first.images.subarray(17 * 192, 18 * 192));
  });

  it('shows a test image as predict sees the file', async () => {
    const options = { resize: 9, interpolation: 'bicubic' };
    const { test } = open(whole, options);
    const { images } = await read(test);
    const shape = { height: 8, width: 8, channels: 3, resize: 9, interpolation: 'bicubic' } as const;
    const seen = new Set<string>();
    for (let i = 0; i < test.size; i++) seen.add(images.subarray(192 * i, 192 * (i + 1)).join());
    for (const name of classes) {
      for (let i = 0; i < 5; i++) {
        const predicted = await decodeImage(join(whole, 'test', name, `${i}.png`), shape);
        expect(seen.has(scaled(predicted).join())).toBe(true);
      }
    }
  });

  it('puts another image of the class in the place of a broken one in training, the same each time', async () => {
    const told: ImageError[] = [];
    const { train } = open(partly, {}, 2, told);
    const { images, labels } = await read(train);
    expect(labels).toHaveLength(37);
    labels.forEach((label, i) => {
      const level = Math.round(255 * (images[192 * i] ?? NaN)) - 60 * label;
      expect(level).toBeGreaterThanOrEqual(label === 1 ? 1 : 0);
      expect(level).toBeLessThan(12);
    });
    expect(told.map(({ explanation }) => explanation.given).sort()).toEqual([
      join(partly, 'train/b/0.png'),
      join(partly, 'train/b/zz.jpg'),
    ]);
    expect((await read(open(partly, {}, 1).train)).images).toEqual(images);
    await read(train, 1);
    expect(told).toHaveLength(2);
  });

  it('leaves a broken image out of evaluation, and says so', async () => {
    const told: ImageError[] = [];
    const { test } = open(partly, {}, 2, told);
    const { labels, indices, images } = await read(test, 0, 4);
    expect([test.size, labels.length, images.length]).toEqual([15, 14, 14 * 192]);
    expect(labels.filter(label => label === 2)).toHaveLength(4);
    expect(new Set(indices).size).toBe(14);
    expect(told.map(({ message }) => message).join()).toContain('test/c/2.png');
  });

  it('fails at a broken image where it is told to', async () => {
    const { train, test } = open(partly, { broken: 'fail' });
    for (const set of [train, test]) {
      const error: unknown = await read(set).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(DataError);
      expect(String(error)).toMatch(/partly\/t[^]*data\.broken=skip/);
    }
  });

  it('puts images of other classes in the place of a class of which none can be read, and says so once', async () => {
    const told: ImageError[] = [];
    const { train } = open(hopeless, {}, 2, told);
    const { images, labels } = await read(train);
    expect(train.label(labels.length - 1) + train.label(0)).toBe(1);
    labels.forEach((label, i) => {
      expect(label).toBe(0);
      expect(Math.round(255 * (images[192 * i] ?? NaN))).toBeLessThan(8);
    });
    expect((await read(open(hopeless, {}, 1).train)).images).toEqual(images);
    await read(train, 1);
    const lost = told.filter(({ explanation }) =>
      explanation.given?.startsWith('class b of folder hopeless/train'),
    );
    expect(lost).toHaveLength(1);
  });

  it('takes the one image of a class that can be read, however many cannot', async () => {
    const last = join(root, 'last');
    for (const set of ['train', 'val', 'test']) await classFolders(last, ['a', 'b'], 1, set);
    for (let i = 0; i < 60; i++) broken(join(last, 'train/a', `x${i}.png`));
    const { labels } = await read(open(last).train);
    expect(labels.filter(label => label === 0)).toHaveLength(61);
  });

  it('ends where no image of a set can be read', async () => {
    const { train, validation } = open(lost);
    await expect(read(train)).rejects.toThrow(/20 in a row are broken too/);
    await expect(requireReadable(validation)).rejects.toThrow(
      /none of the images can be read[^]*lost\/validation/,
    );
    await requireReadable(open(partly).test);
  });

  it('refuses what waits when it is closed, and leaves no threads', async () => {
    const splits = open(whole);
    const { train } = splits;
    const refused = expect(read(train)).rejects.toThrow(/closed/);
    await splits.close?.();
    await refused;
  });

  it('wants no more workers than Node decodes with', () => {
    expect(errorOf(() => open(whole, {}, 64))).toBeInstanceOf(UsageError);
  });
});

describe('a worker that ends', () => {
  it('is replaced, and what it was at is told as broken', async () => {
    const told: ImageError[] = [];
    const posted = vi.spyOn(Worker.prototype, 'postMessage');
    const { train } = open(whole, { side: 200 }, 2, told);
    const order = Int32Array.from({ length: 360 }, (_, i) => i % 36);
    let count = 0;
    for await (const { size } of batches(train, { order, batchSize: 36, epoch: 0, dropLast: true })) {
      if (count === 0) await (posted.mock.contexts[0] as Worker).terminate();
      count += size;
    }
    expect(count).toBe(360);
    expect(told.length).toBeGreaterThan(0);
    expect(told.length).toBeLessThanOrEqual(4);
    for (const { message } of told) expect(message).toMatch(/thread[^]*whole\/train/);
    posted.mockRestore();
  });
});
