/**
 * Glyphs at random places of a larger canvas, among pieces of others (Mnih et al. 2014, section 4.1): bright on black, or in colours of
 * their own on pieces of photographs.
 */
import type { Random } from '../random/index.js';
import { integer, stream } from '../random/index.js';
import type { ClutterConfig } from './config.js';
import type { Dataset, ImageShape, Part, Splits } from './dataset.js';
import type { DistortionConfig } from './distortion.js';
import { Distorter } from './distortion.js';
import type { Glyphs } from './glyphs.js';
import { requireFit } from './glyphs.js';
import type { Photographs } from './photographs.js';
import { photographsOf, pieceOf } from './photographs.js';

interface ClutterOptions extends Omit<ClutterConfig, 'canvasesPerDigit' | 'distortion' | 'photographs'> {
  readonly seed: number;
  readonly distortion?: DistortionConfig;
  /** How many canvases of each glyph; `fresh` makes one, new in each epoch. */
  readonly canvases: number | 'fresh';
  /** What lies behind the glyphs; without them black. */
  readonly photographs?: Photographs;
}

/** Red, green and blue: how much of a glyph's brightness each takes. */
type Tint = readonly [number, number, number];

/** The darkest that one of the three may be. */
const leastTint = 0.3;
/** A glyph hides what is behind it where it is at least this bright, and less of it where it is darker. */
const solid = 1 / 3;

class ClutteredGlyphs implements Dataset {
  readonly size: number;
  readonly shape: ImageShape;
  private readonly distorter: Distorter | undefined;

  /** @throws DataError when the glyphs do not fit the canvas, or the pieces the glyphs */
  constructor(
    readonly name: string,
    private readonly glyphs: Glyphs,
    readonly classes: readonly string[],
    private readonly options: ClutterOptions,
  ) {
    const { canvas, clutterSize, canvases, distortion } = options;
    requireFit('the canvas is smaller than what is placed on it', 'canvas', glyphs.side, canvas);
    requireFit(
      'a piece of clutter is larger than what it is cut from',
      'clutterSize',
      clutterSize,
      glyphs.side,
    );
    this.shape = { height: canvas, width: canvas, channels: options.photographs ? 3 : 1 };
    this.distorter = distortion && new Distorter(glyphs.side, distortion);
    this.size = glyphs.labels.length * (canvases === 'fresh' ? 1 : canvases);
  }

  read(indices: Int32Array, epoch: number, images: Float32Array, labels: Int32Array): void | Promise<void> {
    const { canvas, photographs } = this.options;
    const { channels } = this.shape;
    const drawAll = (background: (image: Float32Array, random: Random) => void): void => {
      const size = canvas * canvas * channels;
      indices.forEach((index, i) => {
        const glyph = this.source(index);
        const random = this.random(index, epoch);
        const image = images.subarray(i * size, (i + 1) * size);
        background(image, random);
        this.draw(image, glyph, random);
        labels[i] = this.label(index);
      });
    };
    if (photographs === undefined) {
      drawAll(image => image.fill(0));
      return;
    }
    return photographs
      .load()
      .then(loaded => drawAll((image, random) => image.set(pieceOf(loaded, canvas, random))));
  }

  readonly label = (index: number): number => this.glyphs.labels[this.source(index)] ?? 0;

  source(index: number): number {
    return index % this.glyphs.labels.length;
  }

  nameOf(index: number): string {
    return `glyph ${this.source(index)}, canvas ${Math.floor(index / this.glyphs.labels.length)}`;
  }

  private random(index: number, epoch: number): Random {
    const { canvases, seed } = this.options;
    return stream(seed, this.name, canvases === 'fresh' ? epoch : 0, index);
  }

  private draw(image: Float32Array, glyph: number, random: Random): void {
    const { canvas, clutter, clutterSize } = this.options;
    const { side, labels, pixels } = this.glyphs;
    const [row, column] = [place(random, canvas, side), place(random, canvas, side)];
    const own = pixels.subarray(glyph * side * side, (glyph + 1) * side * side);
    for (let piece = 0; piece < clutter; piece++) {
      const other = (glyph + 1 + integer(random, labels.length - 1)) % labels.length;
      const [top, left] = [place(random, side, clutterSize), place(random, side, clutterSize)];
      const from = (other * side + top) * side + left;
      const [y, x] = [place(random, canvas, clutterSize), place(random, canvas, clutterSize)];
      this.paste(image, { pixels, from, size: clutterSize }, y, x, random);
    }
    const glyphPixels = this.distorter?.distort(own, random) ?? own;
    this.paste(image, { pixels: glyphPixels, from: 0, size: side }, row, column, random);
  }

  /** Lays a square of glyph pixels over the image at (row, column): on black the brighter pixel stays. */
  private paste(image: Float32Array, square: Square, row: number, column: number, random: Random): void {
    if (this.shape.channels === 1) {
      this.each(square, row, column, (value, to) => {
        if (value > (image[to] ?? 0)) image[to] = value;
      });
      return;
    }
    const shade = (): number => leastTint + (1 - leastTint) * random();
    const tint: Tint = [shade(), shade(), shade()];
    this.each(square, row, column, (value, to) => {
      const cover = Math.min(1, value / solid);
      tint.forEach((part, channel) => {
        const at = 3 * to + channel;
        image[at] = (1 - cover) * (image[at] ?? 0) + cover * part * value;
      });
    });
  }

  /** Each value of the square, in [0, 1], and the place in the canvas it comes to. */
  private each(
    { pixels, from: start, size }: Square,
    row: number,
    column: number,
    visit: (value: number, to: number) => void,
  ): void {
    const { canvas } = this.options;
    const { side } = this.glyphs;
    for (let y = 0; y < size; y++) {
      let from = start + y * side;
      let to = (row + y) * canvas + column;
      for (let x = 0; x < size; x++, from++, to++) visit((pixels[from] ?? 0) / 255, to);
    }
  }
}

/** Pixels of glyphs, in lines of a glyph's side, that begin at `from`. */
interface Square {
  readonly pixels: Uint8Array | Float32Array;
  readonly from: number;
  readonly size: number;
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
  const { distortion, photographs: folder, ...options } = config;
  const photographs = folder === undefined ? undefined : photographsOf(folder);
  const varied = Object.values(distortion).some(amount => amount > 0) ? { distortion } : {};
  const set = (part: Part, canvases: ClutterOptions['canvases']): ClutteredGlyphs =>
    new ClutteredGlyphs(`${name}/${part}`, glyphs[part], classes, {
      ...options,
      ...(canvases === 'fresh' && varied),
      ...(photographs && { photographs: photographs[part] }),
      canvases,
    });
  return {
    train: set('train', 'fresh'),
    validation: set('validation', config.canvasesPerDigit),
    test: set('test', config.canvasesPerDigit),
  };
}
