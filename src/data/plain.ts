/** Glyphs as they are, each at the centre of its canvas. */
import type { Dataset, ImageShape } from './dataset.js';
import type { Glyphs } from './glyphs.js';
import { requireFit } from './glyphs.js';

export class PlainGlyphs implements Dataset {
  readonly size: number;
  readonly shape: ImageShape;

  /**
   * `canvas`: side of the black square that each glyph is laid on, in pixels.
   *
   * @throws DataError when the glyphs do not fit the canvas
   */
  constructor(
    readonly name: string,
    private readonly glyphs: Glyphs,
    readonly classes: readonly string[],
    canvas = glyphs.side,
  ) {
    requireFit('the canvas is smaller than what is placed on it', 'canvas', glyphs.side, canvas);
    this.shape = { height: canvas, width: canvas, channels: 1 };
    this.size = glyphs.labels.length;
  }

  read(indices: Int32Array, _epoch: number, images: Float32Array, labels: Int32Array): void {
    const canvas = this.shape.width;
    indices.forEach((index, i) => {
      this.draw(images.subarray(i * canvas * canvas, (i + 1) * canvas * canvas), index);
      labels[i] = this.label(index);
    });
  }

  readonly label = (index: number): number => this.glyphs.labels[index] ?? 0;

  private draw(image: Float32Array, glyph: number): void {
    const canvas = this.shape.width;
    const { side, pixels } = this.glyphs;
    const margin = Math.floor((canvas - side) / 2);
    image.fill(0);
    for (let y = 0; y < side; y++) {
      const from = (glyph * side + y) * side;
      const to = (margin + y) * canvas + margin;
      for (let x = 0; x < side; x++) image[to + x] = (pixels[from + x] ?? 0) / 255;
    }
  }
}
