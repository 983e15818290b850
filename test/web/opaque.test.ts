import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { stream, uniform } from '../../src/random/index.js';
import { opaque } from '../../src/web/opaque.js';

const pixels = 5000;

describe.each([1, 3, 4] as const)('an image of %i channels', given => {
  it.each([1, 3] as const)('becomes what libvips makes of it, in %i', async channels => {
    const data = Uint8Array.from(uniform(stream(1, 'bytes'), pixels * given), value => 256 * value);
    const expected = await sharp(data, { raw: { width: pixels, height: 1, channels: given } })
      .flatten({ background: 'black' })
      .toColourspace(channels === 1 ? 'b-w' : 'srgb')
      .raw()
      .toBuffer();
    const made = opaque({ data, channels: given }, channels);
    expect(made.length).toBe(expected.length);
    expect(Buffer.compare(made, expected)).toBe(0);
  });
});

it('grey that comes as RGB stays as it is', () => {
  const data = Uint8Array.from({ length: 3 * 256 }, (_, i) => Math.floor(i / 3));
  expect([...opaque({ data, channels: 3 }, 1)]).toEqual(Array.from({ length: 256 }, (_, i) => i));
});
