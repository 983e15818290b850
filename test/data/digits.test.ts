import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DataConfig } from '../../src/data/config.js';
import { mnistDigits } from '../../src/data/digits.js';
import { openData } from '../../src/data/open.js';
import { errorOf } from '../helpers/error-of.js';

const base = { kind: 'cluttered-digits', canvas: 40, clutter: 2, canvasesPerDigit: 3, test: 400 };

describe('mnistDigits', () => {
  it("are the package's digits in order of class: bytes / 255, to its three places", () => {
    const { side, pixels, labels } = mnistDigits();
    expect(side).toBe(28);
    expect(labels.length).toBe(10_000);
    expect(pixels.length).toBe(10_000 * 784);
    const manifest = createRequire(import.meta.url).resolve('mnist/package.json');
    let from = 0;
    for (const digit of [0, 1]) {
      const file = join(dirname(manifest), 'src', 'digits', `${digit}.json`);
      const { data } = JSON.parse(readFileSync(file, 'utf8')) as { data: number[] };
      const bytes = pixels.subarray(from, from + data.length);
      expect(data.findIndex((value, i) => Math.abs(value - (bytes[i] ?? NaN) / 255) > 0.0005)).toBe(-1);
      expect(new Set(labels.subarray(from / 784, (from + data.length) / 784))).toEqual(new Set([digit]));
      from += data.length;
    }
    expect(labels[from / 784]).toBe(2);
    expect(labels.at(-1)).toBe(9);
  });
});

describe('cluttered digits from a configuration', () => {
  it('have the sizes asked for: fresh canvases to learn from, several of each other digit', () => {
    const { train, validation, test } = openData(DataConfig.parse({ ...base, train: 9000, validation: 600 }));
    expect([train.size, validation.size, test.size]).toEqual([9000, 1800, 1200]);
    expect(test.name).toBe('cluttered-digits-40/test');
    expect(test.shape).toEqual({ height: 40, width: 40, channels: 1 });
    expect(test.classes).toEqual(Array.from({ length: 10 }, (_, digit) => String(digit)));
  });

  it('cannot be more than the 10,000 there are', () => {
    const config = DataConfig.parse({ ...base, train: 9000, validation: 600, test: 401 });
    const { explanation } = errorOf(() => openData(config));
    expect(explanation.problem).toContain('more digits than there are');
    expect(explanation.given).toContain('test 401');
  });
});
