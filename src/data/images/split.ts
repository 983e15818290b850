/** Which images of a listing are for training, validation and test. */
import { DataError } from '../../errors/index.js';
import type { Part } from '../dataset.js';
import { parts } from '../dataset.js';
import { stratifiedOrder } from '../stratified.js';
import type { ImagesConfig } from './config.js';
import type { Listing } from './listing.js';

export interface SplitListing {
  /** Places in the listing; any stretch has the classes in their shares, so that the first images of a set stand for all. */
  readonly sets: Readonly<Record<Part, Int32Array>>;
  /** What a user should know of it. */
  readonly notes: readonly string[];
}

type Shares = Pick<ImagesConfig, 'validation' | 'test' | 'seed'>;

/**
 * As the listing says; what it leaves open is taken from the training images, by `seed` and stratified by class, of which each keeps one where there
 * is place. Where the listing has validation images and no test images, those are the test set: they were set apart to report on, so thresholds and the best epoch
 * must be chosen on others.
 * @throws DataError when a set is left without images
 */
export function splitListing(listing: Listing, shares: Shares): SplitListing {
  const { given, labels } = listing;
  const order = (places: Int32Array): Int32Array => stratified(places, labels, shares.seed);
  const reported = given.test ?? given.validation;
  const chosen = given.test && given.validation;
  const pool = order(unclaimed(listing));
  const held = {
    validation: chosen ? 0 : Math.round(shares.validation * pool.length),
    test: reported ? 0 : Math.round(shares.test * pool.length),
  };
  const trained = pool.length - held.validation - held.test;
  trainEveryClass(pool, trained, labels);
  const sets = {
    train: pool.subarray(0, trained),
    validation: chosen ? order(chosen) : pool.subarray(trained, trained + held.validation),
    test: reported ? order(reported) : pool.subarray(trained + held.validation),
  };
  for (const part of parts) {
    if (sets[part].length > 0) continue;
    throw new DataError({
      problem: `no image is left for ${part}`,
      given: `${listing.name}: ${parts.map(name => `${name} ${sets[name].length}`).join(', ')}`,
      mend: 'give more images, or change the shares data.validation and data.test',
    });
  }
  return { sets, notes: [...listing.notes, ...notesOf(listing, held)] };
}

/** The training images, and those that are said to be of no split. */
function unclaimed({ given, labels }: Listing): Int32Array {
  const claimed = new Uint8Array(labels.length);
  for (const part of ['validation', 'test'] as const) given[part]?.forEach(place => (claimed[place] = 1));
  return Int32Array.from(labels.keys()).filter(place => claimed[place] === 0);
}

function stratified(places: Int32Array, labels: Int32Array, seed: number): Int32Array {
  const own = places.map(place => labels[place] ?? 0);
  return stratifiedOrder(own, seed, 'by seed').map(at => places[at] ?? 0);
}

/** A class that has no place among the first `trained` changes places with the last of one that has several there. */
function trainEveryClass(pool: Int32Array, trained: number, labels: Int32Array): void {
  const labelAt = (at: number): number => labels[pool[at] ?? 0] ?? 0;
  const counts = new Map<number, number>();
  const count = (label: number): number => counts.get(label) ?? 0;
  for (let at = 0; at < trained; at++) counts.set(labelAt(at), count(labelAt(at)) + 1);
  let last = trained - 1;
  for (let at = trained; at < pool.length; at++) {
    const label = labelAt(at);
    if (count(label) > 0) continue;
    while (last >= 0 && count(labelAt(last)) === 1) last--;
    if (last < 0) return;
    counts.set(labelAt(last), count(labelAt(last)) - 1).set(label, 1);
    [pool[last], pool[at]] = [pool[at] ?? 0, pool[last] ?? 0];
  }
}

function notesOf(
  { given, name }: Listing,
  held: Readonly<Record<'validation' | 'test', number>>,
): readonly string[] {
  const taken = (part: 'validation' | 'test'): string =>
    `${held[part]} of its ${given.train ? 'training ' : ''}images are taken for ${part}`;
  if (given.validation && !given.test) {
    return [`${name} has no test set: its validation set stands for it, and ${taken('validation')}`];
  }
  const open = (['validation', 'test'] as const).filter(part => held[part] > 0);
  return open.length === 0 ? [] : [`${name}: ${open.map(taken).join('; ')}`];
}
