/** What image sets are made from: labelled images, listed and not yet read. */
import type { Part } from '../dataset.js';

/** The bytes of an image: a file, or a stretch of one. */
export interface Source {
  readonly path: string;
  /** Where in the file, and how many bytes; without it the whole file. */
  readonly stretch?: { readonly name: string; readonly start: number; readonly bytes: number };
}

/** A folder, a manifest or shards; whatever it is, a million images must be listed in seconds, so that none is opened. */
export interface Listing {
  /** E.g. `folder flowers`. */
  readonly name: string;
  readonly classes: readonly string[];
  /** Class indices, [n]. */
  readonly labels: Int32Array;
  readonly source: (index: number) => Source;
  /** Images that are said to be of a split, as places in the listing; all others are of none. */
  readonly given: Readonly<Partial<Record<Part, Int32Array>>>;
  /** Files that were left aside, for they are no images or in no folder of a class: extension, or none, and how many. */
  readonly leftAside: ReadonlyMap<string, number>;
  /** What a user should know of what is there and not taken. */
  readonly notes: readonly string[];
}

/** File names of images, by their ends. */
const extensions: readonly string[] = [
  '.jpg',
  '.jpeg',
  '.jpe',
  '.jfif',
  '.png',
  '.webp',
  '.avif',
  '.gif',
  '.tif',
  '.tiff',
];

export const allowedExtensions = extensions.join(', ');

/** The end of a name from its last dot, in small letters; empty where there is none. */
export function extension(name: string): string {
  const dot = name.lastIndexOf('.');
  return dot > 0 ? name.slice(dot).toLowerCase() : '';
}

export function isImageName(name: string): boolean {
  return extensions.includes(extension(name));
}

/** What a message calls the image. */
export function nameOf({ path, stretch }: Source): string {
  return stretch ? `${path}: ${stretch.name}` : path;
}

/** Each once, in the order that a model has them in, whatever its images were listed from. */
export function sortedClasses(names: Iterable<string>): string[] {
  return [...new Set(names)].sort(byCodeUnits);
}

/** As every machine sorts them. */
export function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The first names of many. */
export function shortList(items: readonly string[]): string {
  const shown = items.slice(0, 12).join(', ');
  return items.length > 12 ? `${shown}, ... (${items.length} in all)` : shown;
}
