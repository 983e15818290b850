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

  it('shows of each look what its box holds', async () => {
    // Grey in the box, black elsewhere.
    const box = { row: 7, column: 20, size: 28 };
    const inside = (at: number, from: number) => at >= from && at < from + box.size;
    const pixels = Uint8Array.from({ length: 60 * 60 }, (_, i) =>
      inside(Math.floor(i / 60), box.row) && inside(i % 60, box.column) ? 200 : 0,
    );
    const image = await sharp(pixels, { raw: { width: 60, height: 60, channels: 1 } })
      .png()
      .toBuffer();
    const sample = await sampleOf(1, { image, crops: [{ box, step: 2 }], exitStep: 2 });
    const svg = pictureSvg([sample]);
    const [, x = '', y = '', size = ''] =
      /translate\((\d+) 0\)[^]*translate\(0 (\d+)\)(?:(?!translate)[^])*<svg\s+width="(\d+)"/.exec(svg) ?? [];
    // Beside the step's number, which lies over the upper left corner.
    const [left, top, rest] = [Number(x) + 20, Number(y) + 20, Number(size) - 21];
    const seen = await sharp(await picturePng([sample], 1))
      .extract({ left, top, width: rest, height: rest })
      .removeAlpha()
      .raw()
      .toBuffer();
    expect(new Set(seen)).toEqual(new Set([200]));
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
