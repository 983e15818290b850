import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { DataConfig } from '../../src/data/config.js';
import type { Dataset, Splits } from '../../src/data/dataset.js';
import { batches, inOrder } from '../../src/data/loader.js';
import { openData } from '../../src/data/open.js';
import { errorOf } from '../helpers/error-of.js';
import { idx, readAll, scratchFolder } from './support.js';

const folder = scratchFolder();
const side = 4;

/** Pictures that differ: the first two bytes are `tag` and the picture's number, the others grow. */
function pictures(count: number, tag: number, height = side, width = side): Buffer {
  const size = height * width;
  const values = Array.from({ length: count * size }, (_, i) => {
    const at = i % size;
    return at === 0 ? tag : at === 1 ? Math.floor(i / size) : 10 * at;
  });
  return idx([count, height, width], values);
}

/** Classes 0, 1, 1, 2 in turn. */
function labels(count: number): Buffer {
  return idx(
    [count],
    Array.from({ length: count }, (_, i) => [0, 1, 1, 2][i % 4] ?? NaN),
  );
}

/** A folder of the usual names: 80 pictures to learn from (compressed), 12 to test. */
function usual(name: string, files: Readonly<Record<string, Uint8Array>> = {}): string {
  mkdirSync(join(folder.path, name));
  const all = {
    'train-images-idx3-ubyte.gz': gzipSync(pictures(80, 100)),
    'train-labels-idx1-ubyte.gz': gzipSync(labels(80)),
    't10k-images-idx3-ubyte': pictures(12, 200),
    't10k-labels-idx1-ubyte': labels(12),
    ...files,
  };
  for (const [file, bytes] of Object.entries(all)) folder.file(join(name, file), bytes);
  return join(folder.path, name);
}

const small = usual('small');

function open(config: Readonly<Record<string, unknown>>): Splits {
  return openData(DataConfig.parse({ kind: 'idx', ...config }));
}

/** How often each label occurs. */
function tally(values: Iterable<number>): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}

describe('IDX files from a folder', () => {
  it('are split into disjoint, stratified sets of the pictures themselves', async () => {
    const splits = open({ folder: small, validation: 20 });
    const [train, validation, test] = await Promise.all([
      readAll(splits.train),
      readAll(splits.validation),
      readAll(splits.test),
    ]);
    expect(tally(train.labels)).toEqual({ 0: 15, 1: 30, 2: 15 });
    expect(tally(validation.labels)).toEqual({ 0: 5, 1: 10, 2: 5 });
    expect(tally(test.labels)).toEqual({ 0: 3, 1: 6, 2: 3 });
    // The second byte is a picture's place in its file, and tells its class.
    const learned = [...train.images, ...validation.images].map(image => image[1] ?? NaN);
    expect(learned.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 80 }, (_, i) => i));
    expect([...train.labels, ...validation.labels]).toEqual(learned.map(place => [0, 1, 1, 2][place % 4]));
    expect(test.images.map(image => [...image])).toEqual(
      Array.from({ length: 12 }, (_, i) => [
        200,
        i,
        ...Array.from({ length: 14 }, (_, rest) => 20 + 10 * rest),
      ]),
    );
    expect(train.images.every(image => image[0] === 100)).toBe(true);
    expect(splits.test.shape).toEqual({ height: side, width: side, channels: 1 });
    expect(splits.test.name).toBe('idx/test');
    expect(splits.test.classes).toEqual(['0', '1', '2']);
  });

  it('are split by the seed', async () => {
    const held = async (seed: number) => (await readAll(open({ folder: small, seed }).validation)).images;
    expect(await held(1)).toEqual(await held(1));
    expect(await held(1)).not.toEqual(await held(2));
  });

  it('give a tenth to validation unless told otherwise', () => {
    const { train, validation } = open({ folder: small });
    expect([train.size, validation.size]).toEqual([72, 8]);
  });

  it('lie at the centre of a canvas', async () => {
    const { images } = await readAll(open({ folder: small, canvas: 7 }).test);
    const { images: plain } = await readAll(open({ folder: small }).test);
    // 7 - 4 = 3 pixels to spare: 1 before, 2 after.
    images.forEach((image, i) => {
      for (let y = 0; y < 7; y++) {
        for (let x = 0; x < 7; x++) {
          const inside = y >= 1 && y < 5 && x >= 1 && x < 5;
          expect(image[y * 7 + x]).toBe(inside ? plain[i]?.[(y - 1) * side + x - 1] : 0);
        }
      }
    });
  });

  it('take names of files and classes, absolute or within the folder', async () => {
    const other = {
      images: folder.file('other.images', pictures(5, 50)),
      labels: folder.file('other.labels.gz', gzipSync(labels(5))).replace(/\.gz$/, ''),
    };
    const { test } = open({ folder: small, test: other, classes: ['coat', 'bag', 'shoe', 'none of these'] });
    expect((await readAll(test)).images.map(image => image[0])).toEqual([50, 50, 50, 50, 50]);
    expect(test.classes).toEqual(['coat', 'bag', 'shoe', 'none of these']);
    const swapped = { images: 't10k-images-idx3-ubyte', labels: 't10k-labels-idx1-ubyte' };
    expect(open({ folder: small, train: swapped, validation: 2 }).train.size).toBe(10);
  });

  it('are found again from another working folder: the configuration keeps an absolute path', () => {
    const config = DataConfig.parse({ kind: 'idx', folder: relative(process.cwd(), small) });
    expect(config).toMatchObject({ folder: small });
    expect(DataConfig.parse(JSON.parse(JSON.stringify(config)))).toEqual(config);
  });

  it('go on larger canvases among pieces of each other', async () => {
    const config = { folder: small, kind: 'cluttered-idx', canvas: 12, clutter: 3, clutterSize: 2 };
    const { train, validation, test } = open({ ...config, canvasesPerDigit: 3 });
    expect(test.shape).toEqual({ height: 12, width: 12, channels: 1 });
    expect([train.size, validation.size, test.size]).toEqual([72, 24, 36]);
    expect(test.source?.(5)).toBe(test.source?.(5 + 12));
    const once = await readAll(test);
    expect(await readAll(test, 1)).toEqual(once);
    expect(await readAll(train, 1)).not.toEqual(await readAll(train, 0));
    // The brighter pixel stays: at some place no pixel is darker than the picture's.
    const plain = await readAll(open({ folder: small }).test);
    once.images.forEach((image, i) => {
      const picture = plain.images[i % 12] ?? new Uint8Array();
      expect(once.labels[i]).toBe(plain.labels[i % 12]);
      const places = Array.from({ length: 81 }, (_, place) => [Math.floor(place / 9), place % 9] as const);
      const holds = places.some(([row, column]) =>
        picture.every(
          (value, at) => (image[(row + Math.floor(at / side)) * 12 + column + (at % side)] ?? 0) >= value,
        ),
      );
      expect(holds).toBe(true);
    });
  });
});

describe('IDX files that do not fit', () => {
  const cases: [string, Readonly<Record<string, unknown>>, string, string][] = [
    ['a missing folder', { folder: join(folder.path, 'nowhere') }, 'does not exist', 'nowhere'],
    ['a missing file', { folder: small, test: { images: 'absent' } }, 'is missing', join('small', 'absent')],
    [
      'a wrong magic',
      { folder: usual('magic', { 't10k-images-idx3-ubyte': Buffer.from('RIFF, not IDX') }) },
      'not an IDX file',
      '52 49 46 46',
    ],
    [
      'a wrong length',
      { folder: usual('length', { 't10k-images-idx3-ubyte': pictures(12, 1).subarray(0, -1) }) },
      'cut off',
      '191 values',
    ],
    [
      'counts that differ',
      { folder: usual('counts', { 't10k-labels-idx1-ubyte': labels(11) }) },
      'differ',
      '12 images',
    ],
    [
      'pictures that are not square',
      { folder: usual('oblong', { 't10k-images-idx3-ubyte': pictures(12, 1, 4, 5) }) },
      'not square',
      '4 x 5',
    ],
    [
      'sets of two sizes',
      { folder: usual('sizes', { 't10k-images-idx3-ubyte': pictures(12, 1, 5, 5) }) },
      'differ in size',
      '4 x 4 and 5 x 5',
    ],
    ['too few images', { folder: small, validation: 80 }, 'no picture to train on', 'validation 80'],
    ['too few names', { folder: small, classes: ['a', 'b'] }, 'more classes', '2 names'],
    ['a canvas too small', { folder: small, canvas: 3 }, 'canvas is smaller', '4 x 4 pixels in 3 x 3'],
    [
      'a canvas too small for clutter',
      { folder: small, kind: 'cluttered-idx', canvas: 3, clutter: 1, clutterSize: 1 },
      'canvas is smaller',
      '4 x 4 pixels in 3 x 3',
    ],
    [
      'clutter too large',
      { folder: small, kind: 'cluttered-idx', canvas: 12, clutter: 1 },
      'piece of clutter is larger',
      '8 x 8 pixels in 4 x 4',
    ],
  ];

  it.each(cases)('%s is refused with a reason', (_, config, problem, given) => {
    const { explanation } = errorOf(() => open(config));
    expect(explanation.problem).toContain(problem);
    expect(explanation.given).toContain(given);
    expect(explanation.mend).toBeTruthy();
  });

  it('keys that do not belong together are named', () => {
    const issues = (config: object): string =>
      JSON.stringify(DataConfig.safeParse({ folder: small, ...config }).error?.issues);
    expect(issues({ kind: 'idx', clutter: 4 })).toContain('clutter');
    expect(issues({ kind: 'cluttered-idx', clutter: 4 })).toContain('canvas');
    expect(issues({ kind: 'idx', folders: small })).toContain('folders');
    expect(issues({ kind: 'idx', validation: 0 })).toContain('validation');
    expect(issues({ kind: 'idx', classes: ['a', 'a'] })).toContain('twice');
  });
});

const fashion = '/usr/share/datasets/fashion-mnist';
const absent = existsSync(fashion) ? '' : ' (skipped: apt-get install dataset-fashion-mnist brings it)';

describe.skipIf(absent)(`Fashion-MNIST, as Debian packages it${absent}`, () => {
  /** The values of a file, past its header. */
  const values = (name: string, header: number): Uint8Array =>
    gunzipSync(readFileSync(join(fashion, name))).subarray(header);
  const each = (count: number) =>
    Object.fromEntries(Array.from({ length: 10 }, (_, label) => [label, count]));
  /** The sum of all bytes: a picture lost or given twice shows. */
  const total = (bytes: Uint8Array): number => bytes.reduce((sum, value) => sum + value, 0);

  it('holds 70,000 pictures, each in one of the three sets, every class alike in each', async () => {
    const { train, validation, test } = open({ folder: fashion });
    expect(train.shape).toEqual({ height: 28, width: 28, channels: 1 });
    const summary = async (set: Dataset) => {
      const counts: Record<number, number> = {};
      let sum = 0;
      for await (const batch of batches(set, {
        order: inOrder(set),
        batchSize: 1000,
        epoch: 0,
        dropLast: false,
      })) {
        for (const label of batch.labels) counts[label] = (counts[label] ?? 0) + 1;
        for (const value of batch.images) sum += Math.round(value * 255);
      }
      return { counts, sum };
    };
    const [learned, held, reported] = [await summary(train), await summary(validation), await summary(test)];
    expect(learned.counts).toEqual(each(5500));
    expect(held.counts).toEqual(each(500));
    expect(reported.counts).toEqual(each(1000));
    expect(learned.sum + held.sum).toBe(total(values('train-images-idx3-ubyte.gz', 16)));
    expect(reported.sum).toBe(total(values('t10k-images-idx3-ubyte.gz', 16)));
  });

  it('goes in clutter on a larger canvas', () => {
    const { train, test } = open({ kind: 'cluttered-idx', folder: fashion, canvas: 60, clutter: 4 });
    expect(train.size).toBe(55_000);
    expect(test.size).toBe(100_000);
    const [image, label] = [new Float32Array(3600), new Int32Array(1)];
    void test.read(Int32Array.of(0), 0, image, label);
    expect(label[0]).toBe(values('t10k-labels-idx1-ubyte.gz', 8)[0]);
    expect(Math.max(...image)).toBeLessThanOrEqual(1);
    expect(image.some(value => value > 0.5)).toBe(true);
  });
});
