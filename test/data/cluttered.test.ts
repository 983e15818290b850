import { describe, expect, it } from 'vitest';
import { DataConfig } from '../../src/data/config.js';
import { mnistDigits } from '../../src/data/digits.js';
import type { Glyphs } from '../../src/data/glyphs.js';
import { take } from '../../src/data/glyphs.js';
import { stratifiedOrder } from '../../src/data/stratified.js';
import { batches, inOrder, shuffled } from '../../src/data/loader.js';
import { openData } from '../../src/data/open.js';

const config = DataConfig.parse({ kind: 'cluttered-digits', canvas: 60, clutter: 4, canvasesPerDigit: 2 });
const { train, validation, test } = openData(config);

const digits = mnistDigits();

/** The digits of training, validation and test. */
function split(seed: number): Glyphs[] {
  const order = stratifiedOrder(digits.labels, seed, 'by index');
  return [order.subarray(0, 8000), order.subarray(8000, 9000), order.subarray(9000)].map(part =>
    take(digits, part),
  );
}

function read(set: typeof train, index: number, epoch: number): Float32Array {
  const image = new Float32Array(60 * 60);
  void set.read(Int32Array.of(index), epoch, image, new Int32Array(1));
  return image;
}

describe('cluttered digits', () => {
  it('splits 10,000 digits into disjoint, stratified sets', () => {
    expect(digits.labels.length).toBe(10_000);
    const parts = split(1);
    const prints = parts.map(({ pixels }) => {
      const seen = new Set<string>();
      for (let i = 0; i < pixels.length; i += 784) seen.add(pixels.subarray(i, i + 784).join());
      return seen;
    });
    const all = new Set(prints.flatMap(part => [...part]));
    expect(all.size).toBe(prints.reduce((sum, part) => sum + part.size, 0));
    for (let digit = 0; digit < 10; digit++) {
      const share = digits.labels.filter(label => label === digit).length / 10_000;
      for (const { labels } of parts) {
        expect(labels.filter(label => label === digit).length / labels.length).toBeCloseTo(share, 2);
      }
    }
  });

  it('draws a new canvas each epoch for training, the same one always for test', () => {
    expect(read(train, 5, 0)).toEqual(read(train, 5, 0));
    expect(read(train, 5, 0)).not.toEqual(read(train, 5, 1));
    expect(read(test, 5, 0)).toEqual(read(test, 5, 1));
    expect(read(test, 5, 0)).not.toEqual(read(test, 1005, 0));
    expect(test.source?.(5)).toBe(test.source?.(1005));
    expect(test.nameOf?.(1005)).toBe('glyph 5, canvas 1');
  });

  it('holds the whole digit: as bright as the digit itself, at some place', () => {
    const digit = split(config.seed)[2]?.pixels.subarray(3 * 784, 4 * 784) ?? new Uint8Array(0);
    const canvas = read(test, 3, 0);
    let found = false;
    for (let row = 0; row <= 32 && !found; row++) {
      for (let column = 0; column <= 32 && !found; column++) {
        found = digit.every(
          (value, i) =>
            (canvas[(row + Math.floor(i / 28)) * 60 + column + (i % 28)] ?? 0) >= Math.fround(value / 255),
        );
      }
    }
    expect(found).toBe(true);
    expect(Math.min(...canvas)).toBe(0);
    expect(Math.max(...canvas)).toBeLessThanOrEqual(1);
  });
});

it('distorts digits of training only', () => {
  const distortion = { affine: 0.1, elastic: 1, stroke: 0.3 };
  const distorting = openData(DataConfig.parse({ ...config, distortion }));
  for (let i = 0; i < 20; i++) expect(read(distorting.train, i, 0)).not.toEqual(read(train, i, 0));
  expect(read(distorting.train, 5, 0)).toEqual(read(distorting.train, 5, 0));
  expect(read(distorting.train, 5, 0)).not.toEqual(read(distorting.train, 5, 1));
  expect(read(distorting.validation, 5, 0)).toEqual(read(validation, 5, 0));
  expect(read(distorting.test, 5, 0)).toEqual(read(test, 5, 0));
});

describe('loader', () => {
  it('gives every image once, in order, the last batch smaller or left out', async () => {
    const sizes: number[] = [];
    const seen: number[] = [];
    for await (const { indices, size, images } of batches(validation, {
      order: inOrder(validation),
      batchSize: 300,
      epoch: 0,
      dropLast: false,
    })) {
      sizes.push(size);
      seen.push(...indices);
      expect(images.length).toBe(size * 3600);
    }
    expect(sizes).toEqual([300, 300, 300, 300, 300, 300, 200]);
    expect(seen).toEqual([...inOrder(validation)]);
    const dropped: number[] = [];
    for await (const batch of batches(validation, {
      order: inOrder(validation),
      batchSize: 300,
      epoch: 0,
      dropLast: true,
    }))
      dropped.push(batch.size);
    expect(dropped.length).toBe(6);
  });

  it('shuffles by seed and epoch', () => {
    expect(shuffled(train, 1, 0)).toEqual(shuffled(train, 1, 0));
    expect(shuffled(train, 1, 0)).not.toEqual(shuffled(train, 1, 1));
    expect([...shuffled(train, 1, 0)].sort((a, b) => a - b)).toEqual([...inOrder(train)]);
  });
});
