import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { requireFit, take } from '../../src/data/glyphs.js';
import { stratifiedOrder } from '../../src/data/stratified.js';
import { errorOf } from '../helpers/error-of.js';

describe('take', () => {
  it('copies the chosen glyphs, in the order asked for', () => {
    const glyphs = {
      side: 2,
      pixels: Uint8Array.of(0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23),
      labels: Uint8Array.of(5, 6, 7),
    };
    const taken = take(glyphs, Int32Array.of(2, 0, 2));
    expect(taken).toEqual({
      side: 2,
      pixels: Uint8Array.of(20, 21, 22, 23, 0, 1, 2, 3, 20, 21, 22, 23),
      labels: Uint8Array.of(7, 5, 7),
    });
    glyphs.pixels.fill(255);
    expect(taken.pixels[0]).toBe(20);
  });
});

describe('stratifiedOrder', () => {
  const labelled = fc.uint8Array({ min: 1, max: 200 }).map(values => values.map(value => value % 5));

  it('is an order of all of them, by the seed', () => {
    fc.assert(
      fc.property(labelled, fc.integer(), (labels, seed) => {
        const order = stratifiedOrder(labels, seed, 'by seed');
        expect([...order].sort((a, b) => a - b)).toEqual(Array.from(labels, (_, i) => i));
        expect(stratifiedOrder(labels, seed, 'by seed')).toEqual(order);
      }),
    );
    const many = new Uint8Array(100);
    expect(stratifiedOrder(many, 1, 'by seed')).not.toEqual(stratifiedOrder(many, 2, 'by seed'));
  });

  it('breaks ties between classes by the seed, or by index, and else goes by neither', () => {
    const equal = Uint8Array.from({ length: 50 }, (_, i) => Math.floor(i / 5));
    const firstTen = (seed: number, ties: 'by seed' | 'by index') =>
      [...stratifiedOrder(equal, seed, ties).subarray(0, 10)].map(i => equal[i]);
    const classes = Array.from({ length: 10 }, (_, i) => i);
    expect(firstTen(1, 'by index')).toEqual(classes);
    expect(firstTen(1, 'by seed')).not.toEqual(classes);
    expect(firstTen(1, 'by seed')).not.toEqual(firstTen(2, 'by seed'));
    expect(firstTen(1, 'by seed').sort()).toEqual(classes);
    // (2 i + 1) / 8 and (2 j + 1) / 14 are never equal.
    const untied = Uint8Array.from({ length: 11 }, (_, i) => Number(i > 3));
    expect(stratifiedOrder(untied, 1, 'by seed')).toEqual(stratifiedOrder(untied, 1, 'by index'));
  });

  it('gives any stretch the classes in their shares', () => {
    // Members of a class of n are spread evenly, at (rank + 1/2) / n: a stretch that spans a width w of these holds n w of
    // it, give or take 1. Summed over the classes, its length is N w, give or take their number.
    fc.assert(
      fc.property(
        labelled.filter(({ length }) => length > 0),
        fc.nat(199),
        fc.nat(199),
        (labels, a, b) => {
          const stretch = stratifiedOrder(labels, 1, 'by seed').subarray(Math.min(a, b), Math.max(a, b));
          const classes = new Set(labels);
          for (const label of classes) {
            const share = labels.filter(other => other === label).length / labels.length;
            const count = stretch.filter(index => labels[index] === label).length;
            expect(Math.abs(count - share * stretch.length)).toBeLessThanOrEqual(
              1 + share * classes.size + 1e-9,
            );
          }
        },
      ),
    );
  });
});

describe('requireFit', () => {
  it('lets equal squares pass and names the option to change for larger ones', () => {
    requireFit('too small', 'canvas', 28, 28);
    expect(errorOf(() => requireFit('too small', 'canvas', 29, 28)).explanation).toEqual({
      problem: 'too small',
      given: '29 x 29 pixels in 28 x 28',
      mend: 'change canvas',
    });
  });
});
