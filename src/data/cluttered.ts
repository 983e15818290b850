/** Glyphs at random places of a larger canvas, among pieces of others (Mnih et al. 2014, section 4.1). */
import type { Random } from '../random/index.js';
import { integer, stream } from '../random/index.js';
import type { Dataset, ImageShape } from './dataset.js';
import type { Glyphs } from './glyphs.js';

export interface ClutterOptions {
  readonly name: string;
  /** Side of the canvas, in pixels. */
  readonly canvas: number;
  readonly clutter: number;
  readonly clutterSize: number;
  readonly seed: number;
  /** How many canvases of each glyph; `fresh` makes one, new in each epoch. */
  readonly canvases: number | 'fresh';
  readonly classes: readonly string[];
}

export class ClutteredGlyphs implements Dataset {
  readonly name: string;
  readonly size: number;
  readonly classes: readonly string[];
  readonly shape: ImageShape;

  constructor(
    private readonly glyphs: Glyphs,
    private readonly options: ClutterOptions,
  ) {
    const { name, classes, canvas, canvases } = options;
    this.name = name;
    this.classes = classes;
    this.shape = { height: canvas, width: canvas, channels: 1 };
    this.size = glyphs.labels.length * (canvases === 'fresh' ? 1 : canvases);
  }

  read(indices: Int32Array, epoch: number, images: Float32Array, labels: Int32Array): void {
    const { canvas, canvases, seed } = this.options;
    indices.forEach((index, i) => {
      const glyph = this.source(index);
      const random = stream(seed, this.name, canvases === 'fresh' ? epoch : 0, index);
      this.draw(images.subarray(i * canvas * canvas, (i + 1) * canvas * canvas), glyph, random);
      labels[i] = this.glyphs.labels[glyph] ?? 0;
    });
  }

  source(index: number): number {
    return index % this.glyphs.labels.length;
  }

  private draw(image: Float32Array, glyph: number, random: Random): void {
    const { canvas, clutter, clutterSize } = this.options;
    const { side, labels } = this.glyphs;
    image.fill(0);
    this.paste(image, glyph, 0, 0, side, place(random, canvas, side), place(random, canvas, side));
    for (let piece = 0; piece < clutter; piece++) {
      const other = integer(random, labels.length);
      const [top, left] = [place(random, side, clutterSize), place(random, side, clutterSize)];
      this.paste(image, other, top, left, clutterSize, place(random, canvas, clutterSize), place(random, canvas, clutterSize));
    }
  }

  /** Lays the square at (top, left) of a glyph over the image at (row, column); the brighter pixel stays. */
  private paste(
    image: Float32Array,
    glyph: number,
    top: number,
    left: number,
    size: number,
    row: number,
    column: number,
  ): void {
    const { canvas } = this.options;
    const { side, pixels } = this.glyphs;
    for (let y = 0; y < size; y++) {
      let from = (glyph * side + top + y) * side + left;
      let to = (row + y) * canvas + column;
      for (let x = 0; x < size; x++, from++, to++) {
        const value = pixels[from] ?? 0;
        if (value > (image[to] ?? 0)) image[to] = value;
      }
    }
  }
}

/** Where something of `size` may begin within `side`. */
function place(random: Random, side: number, size: number): number {
  return integer(random, side - size + 1);
}
