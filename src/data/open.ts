/** From a configuration to its data sets. */
import type { DataConfig } from './config.js';
import type { Splits } from './dataset.js';
import { openDigits } from './digits.js';
import { openIdx } from './idx-splits.js';
import type { OpenOptions } from './images/open.js';
import { openImages } from './images/open.js';
import { openKnownAnswer } from './known-answer.js';

/** @throws DataError when the data cannot be had as configured */
export function openData(config: DataConfig, options: OpenOptions = {}): Splits {
  switch (config.kind) {
    case 'cluttered-digits':
      return openDigits(config);
    case 'idx':
    case 'cluttered-idx':
      return openIdx(config);
    case 'known-answer':
      return openKnownAnswer(config);
    case 'folder':
    case 'manifest':
    case 'shards':
      return openImages(config, options);
  }
}
