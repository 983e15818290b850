import { describe, expect, it } from 'vitest';
import { PlainGlyphs } from '../../src/data/plain.js';
import { ConfigError } from '../../src/errors/index.js';
import { TrainConfig } from '../../training/config.js';
import { presets } from '../../training/presets.js';
import { modelConfig } from '../../training/run-stage.js';

/** The demo's network on one picture of `side` pixels. */
function fit(side: number, classes: readonly string[]) {
  const glyphs = { side, pixels: new Uint8Array(side * side), labels: Uint8Array.of(0) };
  const set = new PlainGlyphs('idx/train', glyphs, classes);
  return modelConfig(TrainConfig.parse(presets.demo), { train: set, validation: set, test: set });
}

describe('modelConfig', () => {
  it('takes side, channels and classes from the data', () => {
    expect(fit(28, ['a', 'b'])).toMatchObject({ patch: 28, side: 28, channels: 1, classes: ['a', 'b'] });
  });

  it('refuses a patch larger than the images, known only once they are read, and a single class', () => {
    expect(() => fit(27, ['a', 'b'])).toThrow(ConfigError);
    expect(() => fit(27, ['a', 'b'])).toThrow(/27 x 27 x 1 images.*patch is larger than the image/s);
    expect(() => fit(28, ['a'])).toThrow(/1 classes.*at classes/s);
  });
});
