/** Tells whether image sets are the same that they were. */
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import type { Part } from '../dataset.js';
import { parts } from '../dataset.js';
import type { Listing } from './listing.js';
import { nameOf } from './listing.js';

/** Of the classes, and of which images each set has with which labels, in its order; not of where they lie, nor of what is in them. */
export function fingerprintOf(
  { classes, labels, source }: Listing,
  sets: Readonly<Record<Part, Int32Array>>,
): string {
  const hash = createHash('sha256').update(JSON.stringify(classes));
  for (const part of parts) {
    hash.update(`\n${part}\n`);
    for (const place of sets[part]) hash.update(`${labels[place]} ${basename(nameOf(source(place)))}\n`);
  }
  return hash.digest('hex');
}
