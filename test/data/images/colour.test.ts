import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { colourChanges, jitter } from '../../../src/data/images/colour.js';
import { stream } from '../../../src/random/index.js';

const names = ['brightness', 'contrast', 'saturation', 'hue'] as const;
type Changed = readonly { readonly amount: number; readonly expected: readonly number[] }[];
const fixtures = join(import.meta.dirname, '../../fixtures/pytorch/augment.json');
const { colour } = JSON.parse(readFileSync(fixtures, 'utf8')) as {
  colour: { readonly image: readonly number[] } & Readonly<Record<(typeof names)[number], Changed>>;
};
const none = { brightness: 0, contrast: 0, saturation: 0, hue: 0 };

describe('colour', () => {
  it.each(names)('changes of %s are torchvision’s', name => {
    for (const { amount, expected } of colour[name]) {
      const pixels = Float32Array.from(colour.image);
      colourChanges[name](pixels, 3, amount);
      pixels.forEach((value, i) => expect(Math.abs(value - (expected[i] ?? NaN))).toBeLessThan(1e-5));
    }
    expect(colour[name].length).toBeGreaterThan(2);
  });

  it('of grey images: saturation and hue change nothing, contrast keeps the mean', () => {
    const grey = Float32Array.from(colour.image, value => 0.4 + 0.2 * value);
    for (const name of ['saturation', 'hue'] as const) {
      const pixels = grey.slice();
      colourChanges[name](pixels, 1, 0.3);
      expect(pixels).toEqual(grey);
    }
    const pixels = grey.slice();
    colourChanges.contrast(pixels, 1, 0.5);
    const mean = (values: Float32Array): number => values.reduce((a, b) => a + b) / values.length;
    expect(mean(pixels)).toBeCloseTo(mean(grey), 6);
    expect(Math.max(...pixels) - Math.min(...pixels)).toBeCloseTo(
      (Math.max(...grey) - Math.min(...grey)) / 2,
      6,
    );
  });

  it('jitters within its strength, each time otherwise, and draws nothing where there is none', () => {
    const random = stream(1, 'jitter');
    const factors = Array.from({ length: 300 }, () => {
      const pixels = Float32Array.of(0.25, 0.25, 0.25);
      jitter(pixels, 3, { ...none, brightness: 0.4 }, random);
      return (pixels[0] ?? NaN) / 0.25;
    });
    expect(Math.min(...factors)).toBeGreaterThanOrEqual(0.6 - 1e-6);
    expect(Math.min(...factors)).toBeLessThan(0.65);
    expect(Math.max(...factors)).toBeLessThanOrEqual(1.4 + 1e-6);
    expect(Math.max(...factors)).toBeGreaterThan(1.35);
    const pixels = Float32Array.from(colour.image);
    jitter(pixels, 3, none, () => expect.fail());
    expect(pixels).toEqual(Float32Array.from(colour.image));
  });
});
