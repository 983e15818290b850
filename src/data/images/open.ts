/** Image files as data sets. */
import { availableParallelism } from 'node:os';
import type { ImageError } from '../../errors/index.js';
import type { Dataset, Part, Splits } from '../dataset.js';
import type { FolderConfig, ManifestConfig, ShardsConfig } from './config.js';
import { fingerprintOf } from './fingerprint.js';
import { listFolder } from './folder.js';
import type { Listing } from './listing.js';
import { listManifest } from './manifest.js';
import { Pool } from './pool.js';
import { ImageSet } from './set.js';
import { listShards } from './shards.js';
import { splitListing } from './split.js';

/** What is told of a file that cannot be read begins with this. */
export const passedOver = 'passed over: ';

export interface OpenOptions {
  /** Threads that decode image files; by default one for each processor, at most 4. */
  readonly decoders?: number | undefined;
  /** Told of each image file that cannot be read and is passed over, once. */
  readonly onBroken?: (error: ImageError) => void;
}

export type FilesConfig = FolderConfig | ManifestConfig | ShardsConfig;

/** Nothing but names is read. @throws DataError when there are no images as configured */
export function listImages(config: FilesConfig): Listing {
  switch (config.kind) {
    case 'folder':
      return listFolder(config.folder);
    case 'manifest':
      return listManifest(config.file);
    case 'shards':
      return listShards(config.folder);
  }
}

/** Whether these data are image files. */
export function areFiles(config: { readonly kind: string }): config is FilesConfig {
  return ['folder', 'manifest', 'shards'].includes(config.kind);
}

/** @throws DataError, UsageError */
export function openImages(config: FilesConfig, { decoders, onBroken }: OpenOptions): Splits {
  const { side, channels, resize = side, interpolation = 'bilinear', augment, broken, seed } = config;
  const listing = listImages(config);
  const { sets, notes } = splitListing(listing, config);
  const pool = new Pool(decoders ?? Math.min(4, availableParallelism()));
  const target = { height: side, width: side, channels, resize, interpolation };
  const set = (part: Part): Dataset => {
    const name = `${listing.name}/${part}`;
    const trains = part === 'train';
    return new ImageSet({
      name,
      listing,
      places: sets[part],
      plan: { target, ...(trains && { vary: { augment, seed, set: part } }) },
      pool,
      seed,
      broken: broken === 'fail' ? 'fail' : trains ? 'replace' : 'omit',
      onBroken: onBroken ?? (() => undefined),
    });
  };
  return {
    train: set('train'),
    validation: set('validation'),
    test: set('test'),
    preparation: { resize, interpolation },
    fingerprint: () => fingerprintOf(listing, sets),
    notes,
    close: () => pool.close(),
  };
}
