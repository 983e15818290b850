import { describe, expect, it } from 'vitest';
import { preview } from '../../src/report/preview.js';

/** Black but for a white square of 2 x 2 pixels in the lower right quarter. */
const shape = { height: 8, width: 8, channels: 1 };
const pixels = new Uint8Array(64);
for (const [row, column] of [
  [5, 5],
  [5, 6],
  [4, 5],
  [4, 6],
] as const)
  pixels[8 * row + column] = 255;

describe('an image in the terminal', () => {
  it('is shades with the borders of boxes, where there are no colours', () => {
    expect(preview(pixels, shape, [], { columns: 8, color: false })).toBe(
      ['        ', '        ', '     @@ ', '        ', ''].join('\n'),
    );
    const boxes = [
      { row: 0, column: 0, size: 4 },
      { row: 2, column: 2, size: 4 },
    ];
    expect(preview(pixels, shape, boxes, { columns: 8, color: false })).toBe(
      ['2222    ', '223333  ', '  3333@ ', '        ', ''].join('\n'),
    );
  });

  it('is two points a character in the colours of the image, and of the steps', () => {
    const red = new Uint8Array(3 * 16).map((_, i) => (i % 3 === 0 ? 255 : 0));
    const drawn = preview(red, { height: 4, width: 4, channels: 3 }, [{ row: 0, column: 0, size: 1 }], {
      columns: 4,
      color: true,
    });
    const [first = '', second = '', ...rest] = drawn.split('\n');
    expect(rest).toEqual(['']);
    const plain = '\x1b[38;2;255;0;0;48;2;255;0;0m▀';
    expect(first).toBe(`\x1b[38;2;245;158;11;48;2;255;0;0m▀${plain.repeat(3)}\x1b[0m`);
    expect(second).toBe(`${plain.repeat(4)}\x1b[0m`);
  });

  it('is as wide as asked for, at most as wide as the image', () => {
    const wide = { height: 20, width: 40, channels: 1 };
    expect(preview(new Uint8Array(800).fill(255), wide, [], { columns: 20, color: false })).toBe(
      `${'@'.repeat(20)}\n`.repeat(5),
    );
    const [widest = ''] = preview(new Uint8Array(800).fill(255), wide, [], {
      columns: 100,
      color: false,
    }).split('\n');
    expect(widest).toHaveLength(40);
  });
});
