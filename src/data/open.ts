/** From a configuration to its data sets. */
import type { DataConfig } from './config.js';
import type { Splits } from './dataset.js';
import { openDigits } from './digits.js';

/** @throws DataError when the data cannot be had as configured */
export function openData(config: DataConfig): Splits {
  return openDigits(config);
}
