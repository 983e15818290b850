import { describe, expect, it } from 'vitest';
import type { Part } from '../../../src/data/dataset.js';
import type { Listing } from '../../../src/data/images/listing.js';
import { splitListing } from '../../../src/data/images/split.js';
import { errorOf } from '../../helpers/error-of.js';

/** 400 images of four classes, half of the second half as many as of the first. */
const labels = Int32Array.from({ length: 400 }, (_, i) => (i < 200 ? 0 : i < 300 ? 1 : i < 350 ? 2 : 3));
const listing = (given: Listing['given'] = {}): Listing => ({
  name: 'folder x',
  classes: ['a', 'b', 'c', 'd'],
  labels,
  source: index => ({ path: String(index) }),
  given,
  leftAside: new Map(),
  notes: [],
});
const shares = { validation: 0.1, test: 0.2, seed: 3 };
const range = (from: number, to: number) => Int32Array.from({ length: to - from }, (_, i) => from + i);
const perClass = (places: Int32Array) =>
  [0, 1, 2, 3].map(label => places.filter(place => labels[place] === label).length);

describe('splits', () => {
  it('by seed are disjoint, take every image, and have the classes in their shares', () => {
    const { sets, notes } = splitListing(listing(), shares);
    expect(perClass(sets.validation)).toEqual([20, 10, 5, 5]);
    expect(perClass(sets.test)).toEqual([40, 20, 10, 10]);
    expect(new Set([...sets.train, ...sets.validation, ...sets.test]).size).toBe(400);
    expect(sets.train).toHaveLength(280);
    expect(notes.join()).toContain('40 of its images are taken for validation; 80');
    expect(splitListing(listing(), shares)).toEqual({ sets, notes });
    expect(splitListing(listing(), { ...shares, seed: 4 }).sets.test).not.toEqual(sets.test);
    // The first of them stand for all.
    expect(perClass(sets.test.subarray(0, 40))).toEqual([20, 10, 5, 5]);
  });

  it('take images of small classes by the seed, not by the order of their names', () => {
    const small = Int32Array.from({ length: 50 }, (_, i) => Math.floor(i / 5));
    const held = (seed: number) => {
      const { sets } = splitListing({ ...listing(), labels: small }, { validation: 0.1, test: 0.1, seed });
      return [...sets.validation].map(place => small[place] ?? 0).sort();
    };
    expect(held(1)).toHaveLength(5);
    const met = new Set(Array.from({ length: 20 }, (_, seed) => held(seed)).flat());
    expect([...met].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('leave every class an image to train on, where there is place', () => {
    const few = Int32Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2);
    for (let seed = 0; seed < 20; seed++) {
      const split = (validation: number) =>
        splitListing({ ...listing(), labels: few }, { validation, test: 0.4, seed }).sets;
      const { train, validation, test } = split(0.35);
      expect(new Set([...train].map(place => few[place]))).toEqual(new Set([0, 1, 2]));
      expect([train.length, validation.length, test.length]).toEqual([3, 5, 5]);
      expect(new Set([...train, ...validation, ...test]).size).toBe(13);
      expect(split(0.5).train).toHaveLength(1);
    }
  });

  const sorted = (places: Int32Array) => [...places].sort((a, b) => a - b);
  const all = { train: range(0, 390), validation: range(390, 395), test: range(395, 400) };

  it('that are given stay as they are', () => {
    const { sets, notes } = splitListing(listing(all), shares);
    for (const part of ['train', 'validation', 'test'] as Part[])
      expect(sorted(sets[part])).toEqual([...all[part]]);
    expect(notes).toEqual([]);
  });

  it('without a test set report on the validation set, and choose on images of training', () => {
    const { train, validation } = all;
    const { sets, notes } = splitListing(listing({ train, validation }), shares);
    expect(sorted(sets.test)).toEqual([...validation]);
    expect(sets.validation).toHaveLength(Math.round(0.1 * 395));
    expect([...sets.validation].every(place => !validation.includes(place))).toBe(true);
    expect(new Set([...sets.train, ...sets.validation, ...sets.test]).size).toBe(400);
    expect(notes.join()).toMatch(/no test set: its validation set stands for it, and 40/);
  });

  it('without a validation set take it from training', () => {
    const { train, test } = all;
    const { sets } = splitListing(listing({ train, test }), shares);
    expect(sorted(sets.test)).toEqual([...test]);
    expect([sets.validation.length, sets.train.length]).toEqual([40, 355]);
  });

  it('are refused where one is empty', () => {
    const { message } = errorOf(() => splitListing(listing(), { ...shares, validation: 0 }));
    expect(message).toMatch(/no image is left for validation[^]*data\.validation/);
  });
});
