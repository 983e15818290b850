/**
 * Pixels resized and cropped as torchvision does before a network sees them: antialiased, in two passes. Numbers are resized as it resizes
 * tensors; bytes as Pillow does, and so it, images: with 8 bits after each pass, bit for bit.
 */
import type { Kernel } from '../nn/kernels.js';
import { cubic, triangle } from '../nn/kernels.js';
import type { Interpolation } from '../nn/kernels.js';
import type { ImageShape } from './dataset.js';
import type { Spans } from './simd/fit-bytes.js';
import { fitBytes, reach } from './simd/fit-bytes.js';

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
  return made(
    pixels,
    { width, channels },
    {
      rows: spansOf(interpolation, height, resized.height, crop.height),
      columns: spansOf(interpolation, width, resized.width, crop.width),
    },
  );
}

/**
 * The whole image at another size, whatever its proportions.
 * @param pixels [height, width, channels]
 * @returns [to.height, to.width, channels], as `fit`
 */
export function stretch<P extends Uint8Array | Float32Array>(
  pixels: P,
  { height, width, channels }: ImageShape,
  to: Size,
  interpolation: Interpolation,
): P {
  return made(
    pixels,
    { width, channels },
    {
      rows: spansOf(interpolation, height, to.height, to.height),
      columns: spansOf(interpolation, width, to.width, to.width),
    },
  );
}

function made<P extends Uint8Array | Float32Array>(
  pixels: P,
  { width, channels }: Pick<ImageShape, 'width' | 'channels'>,
  { rows, columns }: { readonly rows: Spans; readonly columns: Spans },
): P {
  if (pixels instanceof Uint8Array) return fitBytes(pixels, { width, channels }, rows, columns) as P;
  // Only the rows that the crop depends on are looked at.
  const [top, bottom] = reach(rows);
  const narrow = alongRows(
    pixels.subarray(top * width * channels, bottom * width * channels),
    width,
    channels,
    columns,
  );
  return alongColumns(narrow, columns.starts.length * channels, top, rows) as P;
}

/** The size of an image of `from` that just covers `cover`; torchvision rounds the longer side down. */
function covering(from: Size, cover: Size): Size {
  return from.width * cover.height > from.height * cover.width
    ? { height: cover.height, width: Math.floor((cover.height * from.width) / from.height) }
    : { height: Math.floor((cover.width * from.height) / from.width), width: cover.width };
}

/** Of the middle `crop` of the `to` samples that `from` samples are resized to. */
function spansOf(interpolation: Interpolation, from: number, to: number, crop: number): Spans {
  const { radius, weight } = kernels[interpolation];
  const scale = from / to;
  // Where it shrinks, the kernel is stretched to average what it would skip.
  const stretch = Math.max(1, scale);
  const offset = roundHalfToEven((to - crop) / 2);
  const centres = Float64Array.from({ length: crop }, (_, i) => (i + offset + 0.5) * scale);
  // Samples whose middle is within the kernel.
  const first = (centre: number): number => Math.max(0, Math.floor(centre - radius * stretch + 0.5));
  const last = (centre: number): number => Math.min(from, Math.floor(centre + radius * stretch + 0.5));
  const taps = centres.reduce((most, centre) => Math.max(most, last(centre) - first(centre)), 1);
  const starts = Int32Array.from(centres, centre => Math.min(first(centre), from - taps));
  const weights = new Float64Array(crop * taps);
  centres.forEach((centre, i) => {
    const own = weights.subarray(i * taps, (i + 1) * taps);
    let sum = 0;
    for (let j = 0; j < taps; j++) sum += own[j] = weight(((starts[i] ?? 0) + j + 0.5 - centre) / stretch);
    for (let j = 0; j < taps; j++) own[j] = (own[j] ?? 0) / sum;
  });
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
function alongRows(
  pixels: Float32Array,
  width: number,
  channels: number,
  { starts, taps, weights }: Spans,
): Float32Array {
  const rows = pixels.length / (width * channels);
  const narrow = new Float32Array(rows * starts.length * channels);
  let to = 0;
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < starts.length; i++) {
      for (let c = 0; c < channels; c++, to++) {
        let from = (row * width + (starts[i] ?? 0)) * channels + c;
        let sum = 0;
        for (let j = i * taps; j < (i + 1) * taps; j++, from += channels)
          sum += (weights[j] ?? 0) * (pixels[from] ?? 0);
        narrow[to] = sum;
      }
    }
  }
  return narrow;
}

/** [rows, line] -> [crop, line]; `top` is the place of the first row in the image. */
function alongColumns(
  pixels: Float32Array,
  line: number,
  top: number,
  { starts, taps, weights }: Spans,
): Float32Array {
  const small = new Float32Array(starts.length * line);
  const sums = new Float64Array(line);
  starts.forEach((start, i) => {
    sums.fill(0);
    for (let j = 0; j < taps; j++) {
      const weight = weights[i * taps + j] ?? 0;
      const from = (start - top + j) * line;
      for (let x = 0; x < line; x++) sums[x] = (sums[x] ?? 0) + weight * (pixels[from + x] ?? 0);
    }
    small.set(sums, i * line);
  });
  return small;
}
