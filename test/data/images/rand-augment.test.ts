import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { operations, randAugment } from '../../../src/data/images/rand-augment.js';
import { stream } from '../../../src/random/index.js';

type Name = keyof typeof operations;

interface Applied {
  readonly name: Name;
  readonly magnitude: number;
  readonly sign: 1 | -1;
  readonly signed: boolean;
  readonly size: { readonly height: number; readonly width: number; readonly channels: 3 };
  /** Bytes. */
  readonly image: readonly number[];
  readonly expected: readonly number[];
}

const fixtures = join(import.meta.dirname, '../../fixtures/pytorch/augment.json');
const { randAugment: applied } = JSON.parse(readFileSync(fixtures, 'utf8')) as {
  randAugment: readonly Applied[];
};
const greatest = 30;
const names = Object.keys(operations) as Name[];

describe('RandAugment', () => {
  it.each(applied.map(one => [one.name, one.sign * one.magnitude, one] as const))(
    '%s of magnitude %i is torchvision’s',
    (name, _, { magnitude, sign, signed, size, image, expected }) => {
      const pixels = Float32Array.from(image, byte => byte / 255);
      const { operation, magnitude: amount, signed: drawn } = operations[name];
      operation(pixels, size, sign * amount(magnitude / greatest, size));
      expect(drawn).toBe(signed);
      pixels.forEach((value, i) => expect(Math.abs(value - (expected[i] ?? NaN))).toBeLessThan(1e-5));
    },
  );

  it('has torchvision’s operations, in its order', () => {
    expect(names).toEqual([...new Set(applied.map(({ name }) => name))]);
  });

  it('applies what is drawn, one after the other, and draws a sign only where there is one', () => {
    const shape = { height: 6, width: 7, channels: 3 } as const;
    const image = Float32Array.from({ length: 6 * 7 * 3 }, stream(1, 'image'));
    // Equalize (no sign); Rotate, to the negative side; ShearX, to the positive.
    const draws = [13.5 / 14, 5.5 / 14, 0.75, 1.5 / 14, 0.25];
    const pixels = image.slice();
    randAugment(pixels, shape, { operations: 3, magnitude: 12 }, () => draws.shift() ?? expect.fail());
    expect(draws).toEqual([]);
    const expected = image.slice();
    operations.Equalize.operation(expected, shape, 0);
    operations.Rotate.operation(expected, shape, -12);
    operations.ShearX.operation(expected, shape, 0.12);
    expect(pixels).toEqual(expected);
    expect(pixels).not.toEqual(image);
  });

  it('keeps pixels in [0, 1], whatever is drawn', () => {
    const random = stream(2, 'any');
    for (let i = 0; i < 300; i++) {
      const channels = i % 2 === 0 ? 1 : 3;
      const shape = { height: 5, width: 4, channels } as const;
      const pixels = Float32Array.from({ length: 20 * channels }, random);
      randAugment(pixels, shape, { operations: 3, magnitude: 30 }, random);
      expect(pixels.every(value => value >= 0 && value <= 1)).toBe(true);
    }
  });
});
