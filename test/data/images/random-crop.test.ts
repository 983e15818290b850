import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AugmentConfig } from '../../../src/data/images/config.js';
import type { Region } from '../../../src/data/images/random-crop.js';
import { randomRegion } from '../../../src/data/images/random-crop.js';
import { stream } from '../../../src/random/index.js';

interface Drawn {
  readonly size: { readonly height: number; readonly width: number };
  readonly scale: [number, number];
  readonly ratio: [number, number];
  readonly draws: readonly number[];
  readonly region: Region;
}

const fixtures = join(import.meta.dirname, '../../fixtures/pytorch/augment.json');
const { regions } = JSON.parse(readFileSync(fixtures, 'utf8')) as { regions: readonly Drawn[] };

describe('the random part of an image', () => {
  it('is torchvision’s, given the same draws', () => {
    for (const { size, scale, ratio, draws, region } of regions) {
      const left = [...draws];
      const random = (): number => left.shift() ?? NaN;
      expect(randomRegion(size, AugmentConfig.parse({ scale, ratio }), random)).toEqual(region);
      expect(left).toEqual([]);
    }
    expect(regions.length).toBeGreaterThan(100);
  });

  it('has the area and the shape that were asked for, and lies within the image', () => {
    const random = stream(1, 'test');
    const augment = AugmentConfig.parse({ scale: [0.2, 0.4], ratio: [0.5, 2] });
    for (let i = 0; i < 500; i++) {
      const { left, top, width, height } = randomRegion({ width: 600, height: 500 }, augment, random);
      expect(Math.min(left, top)).toBeGreaterThanOrEqual(0);
      expect(left + width).toBeLessThanOrEqual(600);
      expect(top + height).toBeLessThanOrEqual(500);
      expect((width * height) / 300_000).toBeGreaterThan(0.195);
      expect((width * height) / 300_000).toBeLessThan(0.405);
      expect(width / height).toBeGreaterThan(0.49);
      expect(width / height).toBeLessThan(2.03);
    }
  });
});
