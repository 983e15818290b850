import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { picturePng, pictureSvg } from '../../src/report/index.js';
import { hostile } from './results.js';
import { sampleOf } from './samples.js';

const samples = [await sampleOf(1, { exitStep: 4 }), await sampleOf(2, { truth: hostile, exitStep: 1 })];

describe('the picture', () => {
  it('is a standalone drawing with every string escaped', () => {
    const svg = pictureSvg(samples);
    expect(svg).toContain('xmlns="http://www.w3.org/2000/svg"');
    expect(svg).not.toContain('<script');
    expect(svg).toContain('3, is &lt;script');
  });

  it("rasterises, twice as large, with the boxes in their steps' colours", async () => {
    const png = await picturePng(samples);
    const { data, info } = await sharp(png).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    const [, width, height] = /width="(\d+)"\s+height="(\d+)"/.exec(pictureSvg(samples)) ?? [];
    expect([info.width, info.height]).toEqual([2 * Number(width), 2 * Number(height)]);
    const count = (r: number, g: number, b: number) => {
      let pixels = 0;
      for (let i = 0; i < data.length; i += 3) {
        if (data[i] === r && data[i + 1] === g && data[i + 2] === b) pixels += 1;
      }
      return pixels;
    };
    // Step 2's orange, step 3's blue, step 4's pink: box, number and bar are thousands of pixels each.
    for (const [r, g, b] of [
      [0xf5, 0x9e, 0x0b],
      [0x22, 0xb8, 0xe6],
      [0xec, 0x5f, 0xa8],
    ] as const) {
      expect(count(r, g, b)).toBeGreaterThan(2000);
    }
  });
});
