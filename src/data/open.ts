/** From a configuration to its data sets. */
import { ClutteredGlyphs } from './cluttered.js';
import type { DataConfig } from './config.js';
import type { Splits } from './dataset.js';
import { mnistDigits, split } from './glyphs.js';

/** @throws DataError when the data cannot be had as configured */
export function openData(config: DataConfig): Splits {
  const { canvas, clutter, clutterSize, seed, canvasesPerDigit } = config;
  const parts = split(mnistDigits(), [config.train, config.validation, config.test], seed);
  const classes = Array.from({ length: 10 }, (_, digit) => String(digit));
  const set = (i: number, name: string, canvases: number | 'fresh'): ClutteredGlyphs =>
    new ClutteredGlyphs(parts[i] ?? { side: 28, pixels: new Float32Array(0), labels: new Uint8Array(0) }, {
      name: `cluttered-digits-${canvas}/${name}`,
      canvas,
      clutter,
      clutterSize,
      seed,
      canvases,
      classes,
    });
  return {
    train: set(0, 'train', 'fresh'),
    validation: set(1, 'validation', canvasesPerDigit),
    test: set(2, 'test', canvasesPerDigit),
  };
}
