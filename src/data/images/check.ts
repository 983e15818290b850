/** Looks a data set of image files through before anything is trained on it. */
import type { Part } from '../dataset.js';
import { parts } from '../dataset.js';
import { ImageError } from '../../errors/index.js';
import { alikeImages } from './alike.js';
import { groupsBy } from './group.js';
import type { Facts } from './inspect.js';
import { inspect } from './inspect.js';
import type { Listing } from './listing.js';
import { nameOf } from './listing.js';
import { tells } from './near.js';
import type { SplitListing } from './split.js';

/** Least, median and most. */
type Range = readonly [number, number, number];

export interface DataReport {
  readonly name: string;
  readonly notes: readonly string[];
  /** Images of each class in each set. */
  readonly classes: readonly (Readonly<Record<Part, number>> & { readonly name: string })[];
  /** Training images of the largest class over those of the smallest that has any. */
  readonly imbalance: number;
  readonly width: Range;
  readonly height: Range;
  readonly formats: Readonly<Record<string, number>>;
  /** Files that are no images or in no folder of a class, by the ends of their names. */
  readonly leftAside: Readonly<Record<string, number>>;
  readonly broken: readonly { readonly file: string; readonly problem: string }[];
  /** Groups of files with the same bytes. */
  readonly duplicates: readonly Copies[];
  /** In two sets, and looking alike: all images of one look, or one each of two looks, of whose 64 bits at most 3 differ. */
  readonly nearDuplicates: readonly {
    readonly files: readonly string[];
    readonly bits: number;
    /** Images that look the same as one of these. */
    readonly more: number;
  }[];
  /** Pairs of looks beyond those. */
  readonly furtherNearDuplicates: number;
  /** Images with so little in them that their looks tell nothing. */
  readonly notCompared: number;
  /** What must be mended before training; empty where all is well. */
  readonly faults: readonly string[];
}

interface Copies {
  readonly files: readonly string[];
  /** They are in different sets: what is reported on was learned from. */
  readonly leak: boolean;
  /** They have different labels. */
  readonly conflict: boolean;
}

/** Images that are decoded at once. */
const lanes = 8;

export async function checkImages(
  listing: Listing,
  { sets, notes }: SplitListing,
  onImage: (done: number, total: number) => void,
): Promise<DataReport> {
  const n = listing.labels.length;
  const partOf = partsOf(n, sets);
  const facts: (Facts | undefined)[] = [];
  const broken: [number, string][] = [];
  let [next, done] = [0, 0];
  const lane = async (): Promise<void> => {
    for (let i = next++; i < n; i = next++) {
      const found = await inspect(listing.source(i));
      if (found instanceof ImageError) broken.push([i, found.explanation.problem]);
      else facts[i] = found;
      onImage(++done, n);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  const file = (i: number): string => nameOf(listing.source(i));
  const good = Array.from({ length: n }, (_, i) => i).filter(i => facts[i]);
  const fact = (key: 'width' | 'height') => good.map(i => facts[i]?.[key] ?? 0);
  const looks = good.map(place => ({
    place,
    part: partOf[place] ?? 0,
    bytes: facts[place]?.hash ?? 0n,
    look: facts[place]?.look ?? 0n,
  }));
  const { alike, further } = alikeImages(looks);
  const copies = groupsBy(good, i => facts[i]?.hash).filter(group => group.length > 1);
  const report = {
    name: listing.name,
    notes,
    classes: countClasses(listing, partOf),
    width: range(fact('width')),
    height: range(fact('height')),
    formats: tally(good.map(i => facts[i]?.format ?? '')),
    leftAside: Object.fromEntries(listing.leftAside),
    broken: broken.sort(([a], [b]) => a - b).map(([i, problem]) => ({ file: file(i), problem })),
    duplicates: copies.map(group => ({
      files: group.map(file),
      leak: new Set(group.map(i => partOf[i])).size > 1,
      conflict: new Set(group.map(i => listing.labels[i])).size > 1,
    })),
    nearDuplicates: alike.map(({ places, bits, more }) => ({ files: places.map(file), bits, more })),
    furtherNearDuplicates: further,
    notCompared: looks.filter(({ look }) => !tells(look)).length,
  };
  const counts = report.classes.map(({ train }) => train).filter(count => count > 0);
  const imbalance = Math.max(...counts) / Math.min(...counts);
  return { ...report, imbalance, faults: faultsOf(report) };
}

function partsOf(n: number, sets: SplitListing['sets']): Uint8Array {
  const partOf = new Uint8Array(n);
  parts.forEach((part, p) => sets[part].forEach(i => (partOf[i] = p)));
  return partOf;
}

function countClasses({ classes, labels }: Listing, partOf: Uint8Array): DataReport['classes'] {
  const counts = classes.map(name => ({ name, train: 0, validation: 0, test: 0 }));
  labels.forEach((label, i) => {
    const row = counts[label];
    const part = parts[partOf[i] ?? 0];
    if (row && part) row[part]++;
  });
  return counts;
}

function faultsOf({ classes, broken, duplicates }: Omit<DataReport, 'imbalance' | 'faults'>): string[] {
  const count = (which: readonly unknown[], what: string): string[] =>
    which.length === 0 ? [] : [`${which.length} ${what}`];
  return [
    ...count(broken, 'broken files'),
    ...count(
      duplicates.filter(({ leak }) => leak),
      'images are in two sets: what is reported on would have been learned from',
    ),
    ...count(
      duplicates.filter(({ conflict }) => conflict),
      'images have two labels',
    ),
    ...count(
      classes.filter(({ train }) => train === 0),
      'classes have no image to train on',
    ),
  ];
}

function range(values: readonly number[]): Range {
  const sorted = Float64Array.from(values).sort();
  return [sorted[0] ?? 0, sorted[sorted.length >> 1] ?? 0, sorted.at(-1) ?? 0];
}

function tally(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}
