/** Glyphs at random places of a larger canvas, among pieces of others (Mnih et al. 2014, section 4.1). */
import type { Random } from '../random/index.js';
import { integer, stream } from '../random/index.js';
import type { ClutterConfig } from './config.js';
import type { Dataset, ImageShape, Part, Splits } from './dataset.js';
import type { DistortionConfig } from './distortion.js';
import { distorted } from './distortion.js';
import type { Glyphs } from './glyphs.js';
import { requireFit } from './glyphs.js';

interface ClutterOptions extends Omit<ClutterConfig, 'canvasesPerDigit' | 'distortion'> {
  readonly seed: number;
  readonly distortion?: DistortionConfig;
  /** How many canvases of each glyph; `fresh` makes one, new in each epoch. */
  readonly canvases: number | 'fresh';
}

class ClutteredGlyphs implements Dataset {
  readonly size: number;
  readonly shape: ImageShape;

  /** @throws DataError when the glyphs do not fit the canvas, or the pieces the glyphs */
  constructor(
    readonly name: string,
    private readonly glyphs: Glyphs,
    readonly classes: readonly string[],
    private readonly options: ClutterOptions,
  ) {
    const { canvas, clutterSize, canvases } = options;
    requireFit('the canvas is smaller than what is placed on it', 'canvas', glyphs.side, canvas);
    requireFit(
      'a piece of clutter is larger than what it is cut from',
      'clutterSize',
      clutterSize,
      glyphs.side,
    );
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
    const { canvas, clutter, clutterSize, distortion } = this.options;
    const { side, labels, pixels } = this.glyphs;
    image.fill(0);
    const [row, column] = [place(random, canvas, side), place(random, canvas, side)];
    const own = pixels.subarray(glyph * side * side, (glyph + 1) * side * side);
    for (let piece = 0; piece < clutter; piece++) {
      const other = (glyph + 1 + integer(random, labels.length - 1)) % labels.length;
      const [top, left] = [place(random, side, clutterSize), place(random, side, clutterSize)];
      const from = (other * side + top) * side + left;
      const [y, x] = [place(random, canvas, clutterSize), place(random, canvas, clutterSize)];
      this.paste(image, pixels, from, clutterSize, y, x);
    }
    this.paste(image, distortion ? distorted(own, side, distortion, random) : own, 0, side, row, column);
  }

  /** Lays the square of glyph pixels that begins at `start` over the image at (row, column); the brighter pixel stays. */
  private paste(
    image: Float32Array,
    pixels: Uint8Array | Float32Array,
    start: number,
    size: number,
    row: number,
    column: number,
  ): void {
    const { canvas } = this.options;
    const { side } = this.glyphs;
    for (let y = 0; y < size; y++) {
      let from = start + y * side;
      let to = (row + y) * canvas + column;
      for (let x = 0; x < size; x++, from++, to++) {
        const value = (pixels[from] ?? 0) / 255;
        if (value > (image[to] ?? 0)) image[to] = value;
      }
    }
  }
}

/** Where something of `size` may begin within `side`. */
function place(random: Random, side: number, size: number): number {
  return integer(random, side - size + 1);
}

/** Training canvases, new in each epoch; for validation and test, `canvasesPerDigit` fixed ones of each glyph. */
export function clutteredSplits(
  name: string,
  glyphs: Readonly<Record<Part, Glyphs>>,
  classes: readonly string[],
  config: ClutterConfig & { readonly seed: number },
): Splits {
  const { distortion, ...options } = config;
  const varied = Object.values(distortion).some(amount => amount > 0) ? { distortion } : {};
  const set = (part: Part, canvases: ClutterOptions['canvases']): ClutteredGlyphs =>
    new ClutteredGlyphs(`${name}/${part}`, glyphs[part], classes, {
      ...options,
      ...(canvases === 'fresh' && varied),
      canvases,
    });
  return {
    train: set('train', 'fresh'),
    validation: set('validation', config.canvasesPerDigit),
    test: set('test', config.canvasesPerDigit),
  };
}
