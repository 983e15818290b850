/**
 * Pixels resized and cropped as torchvision does before a network sees them: antialiased, in two passes. Numbers are resized as it resizes
 * tensors; bytes as Pillow does, and so it, images: with 8 bits after each pass, bit for bit.
 */
import type { Kernel } from '../nn/kernels.js';
import { cubic, triangle } from '../nn/kernels.js';
import type { Interpolation } from '../nn/kernels.js';
import type { ImageShape } from './dataset.js';

type Size = Omit<ImageShape, 'channels'>;

interface Fit {
  /** The image is resized to cover this, one side just so: a square of its short side's new length, as torchvision's `Resize` takes it. */
  readonly cover: Size;
  /** What is then cut out of its centre; no larger than `cover`. */
  readonly crop: Size;
  readonly interpolation: Interpolation;
}

/**
 * @param pixels [height, width, channels]
 * @returns [crop.height, crop.width, channels] in the units of `pixels`; bicubic numbers, not bytes, may lie beyond those of the image
 * @throws RangeError when the crop is larger than what is covered
 */
export function fit<P extends Uint8Array | Float32Array>(
  pixels: P,
  { height, width, channels }: ImageShape,
  { cover, crop, interpolation }: Fit,
): P {
  if (crop.height > cover.height || crop.width > cover.width) {
    throw new RangeError(
      `a crop of ${crop.width} x ${crop.height} does not fit into ${cover.width} x ${cover.height}`,
    );
  }
  const resized = covering({ height, width }, cover);
  const kind = pixels instanceof Uint8Array ? bytes : numbers;
  const rows = spansOf(interpolation, height, resized.height, crop.height, kind);
  const columns = spansOf(interpolation, width, resized.width, crop.width, kind);
  // Only the rows that the crop depends on are looked at.
  const [top, bottom] = [rows.starts[0] ?? 0, (rows.starts.at(-1) ?? 0) + rows.taps];
  const narrow = alongRows(
    pixels.subarray(top * width * channels, bottom * width * channels),
    width,
    channels,
    columns,
    kind,
  );
  return alongColumns(narrow, crop.width * channels, top, rows, kind) as P;
}

/** What a pass computes with. */
interface Kind {
  readonly array: new (length: number) => Pixels;
  readonly weight: (exact: number) => number;
  readonly stored: (sum: number) => number;
}
type Pixels = Uint8Array | Float32Array;

const numbers: Kind = { array: Float32Array, weight: exact => exact, stored: sum => sum };

/** Pillow's weights are whole numbers of 2^-22, with which the sums here are exact. */
const unit = 2 ** -22;
const bytes: Kind = {
  array: Uint8Array,
  weight: exact => Math.sign(exact) * Math.floor(Math.abs(exact) / unit + 0.5) * unit,
  stored: sum => Math.min(255, Math.max(0, Math.floor(sum + 0.5))),
};

/** The size of an image of `from` that just covers `cover`; torchvision rounds the longer side down. */
function covering(from: Size, cover: Size): Size {
  return from.width * cover.height > from.height * cover.width
    ? { height: cover.height, width: Math.floor((cover.height * from.width) / from.height) }
    : { height: Math.floor((cover.width * from.height) / from.width), width: cover.width };
}

/** Which samples make each of those of a crop. */
interface Spans {
  /** The first sample of each. */
  readonly starts: Int32Array;
  /** How many samples, the same for all; some weigh nothing. */
  readonly taps: number;
  /** [crop, taps] */
  readonly weights: Float64Array;
}

/** Of the middle `crop` of the `to` samples that `from` samples are resized to. */
function spansOf(interpolation: Interpolation, from: number, to: number, crop: number, kind: Kind): Spans {
  const { radius, weight } = kernels[interpolation];
  const scale = from / to;
  // Where it shrinks, the kernel is stretched to average what it would skip.
  const stretch = Math.max(1, scale);
  const taps = Math.min(from, 2 * Math.ceil(radius * stretch) + 1);
  const starts = new Int32Array(crop);
  const weights = new Float64Array(crop * taps);
  const offset = roundHalfToEven((to - crop) / 2);
  for (let i = 0; i < crop; i++) {
    const centre = (i + offset + 0.5) * scale;
    const start = Math.min(Math.max(0, Math.floor(centre - radius * stretch)), from - taps);
    const own = weights.subarray(i * taps, (i + 1) * taps);
    starts[i] = start;
    let sum = 0;
    for (let j = 0; j < taps; j++) sum += own[j] = weight((start + j + 0.5 - centre) / stretch);
    for (let j = 0; j < taps; j++) own[j] = kind.weight((own[j] ?? 0) / sum);
  }
  return { starts, taps, weights };
}

/** Bicubic with a = -1/2, where resizing without antialiasing has -3/4, in torchvision and Pillow alike. */
const kernels: Readonly<Record<Interpolation, Kernel>> = { bilinear: triangle, bicubic: cubic(-0.5) };

/** As Python rounds, and therefore torchvision's `CenterCrop`. */
function roundHalfToEven(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/** [rows, width, channels] -> [rows, crop, channels] */
function alongRows(pixels: Pixels, width: number, channels: number, spans: Spans, kind: Kind): Pixels {
  const rows = pixels.length / (width * channels);
  const narrow = new kind.array(rows * spans.starts.length * channels);
  const pass = channels === 3 ? rgbRow : greyRow;
  for (let row = 0; row < rows; row++)
    pass(pixels, row * width * channels, spans, narrow, row * spans.starts.length * channels, kind);
  return narrow;
}

type RowPass = (
  pixels: Pixels,
  row: number,
  spans: Spans,
  narrow: Pixels,
  narrowRow: number,
  kind: Kind,
) => void;

const greyRow: RowPass = (pixels, row, { starts, taps, weights }, narrow, narrowRow, { stored }) => {
  for (let i = 0; i < starts.length; i++) {
    const from = row + (starts[i] ?? 0);
    let sum = 0;
    for (let j = 0; j < taps; j++) sum += (weights[i * taps + j] ?? 0) * (pixels[from + j] ?? 0);
    narrow[narrowRow + i] = stored(sum);
  }
};

/** The three channels together, which takes half the time. */
const rgbRow: RowPass = (pixels, row, { starts, taps, weights }, narrow, narrowRow, { stored }) => {
  for (let i = 0; i < starts.length; i++) {
    let from = row + 3 * (starts[i] ?? 0);
    let [red, green, blue] = [0, 0, 0];
    for (let j = i * taps; j < (i + 1) * taps; j++) {
      const weight = weights[j] ?? 0;
      red += weight * (pixels[from] ?? 0);
      green += weight * (pixels[from + 1] ?? 0);
      blue += weight * (pixels[from + 2] ?? 0);
      from += 3;
    }
    const to = narrowRow + 3 * i;
    narrow[to] = stored(red);
    narrow[to + 1] = stored(green);
    narrow[to + 2] = stored(blue);
  }
};

/** [rows, line] -> [crop, line]; `top` is the place of the first row in the image. */
function alongColumns(
  pixels: Pixels,
  line: number,
  top: number,
  { starts, taps, weights }: Spans,
  { array, stored }: Kind,
): Pixels {
  const small = new array(starts.length * line);
  const sums = new Float64Array(line);
  starts.forEach((start, i) => {
    sums.fill(0);
    for (let j = 0; j < taps; j++) {
      const weight = weights[i * taps + j] ?? 0;
      const from = (start - top + j) * line;
      for (let x = 0; x < line; x++) sums[x] = (sums[x] ?? 0) + weight * (pixels[from + x] ?? 0);
    }
    for (let x = 0; x < line; x++) small[i * line + x] = stored(sums[x] ?? 0);
  });
  return small;
}
