/** Image files, buffers and raw pixels become the values a network takes, and back. */
import type { Sharp } from 'sharp';
import type { ImageShape } from './dataset.js';
import { opaque, openEncoded, readImageFile, whole } from './image-file.js';
import { fromRaw, type RawImage } from './raw-image.js';
import type { Interpolation } from '../nn/kernels.js';
import { fit } from './resample.js';

export type { RawImage } from './raw-image.js';

/** What images are brought to. */
export interface ImageTarget extends ImageShape {
  /** What the short side is resized to before the centre is cut out, in pixels, at least the shape's; without it the shape's own. */
  readonly resize?: number | undefined;
  /** Bilinear, where it is absent. */
  readonly interpolation?: Interpolation | undefined;
}

/**
 * The pixels of an image, as `target` asks for them: turned as its EXIF orientation says, laid over black where it is
 * transparent, made grey or RGB, and where its size differs, resized to cover the shape and cropped at the centre,
 * antialiased as torchvision does both.
 * Raw pixels that have the shape already are given back as they are.
 *
 * @param source the path of a file, the bytes of one (JPEG, PNG, WebP, AVIF, TIFF, the first frame of a GIF), or raw pixels
 * @param given what messages call it: its path, or how many bytes it has
 * @param maxPixels of an encoded image
 * @returns [height * width * channels], values in [0, 1]
 * @throws ImageError when the file is missing, empty, damaged, of another format or too large, or the raw pixels don't
 *   fit their size
 */
export async function decodeImage(
  source: string | Uint8Array | RawImage,
  target: ImageTarget,
  given = typeof source === 'string' ? source : `${'length' in source ? source.length : 0} bytes`,
  maxPixels?: number,
): Promise<Float32Array> {
  if (typeof source === 'string') return decodeBytes(await readImageFile(source), given, target, maxPixels);
  if (source instanceof Uint8Array) return decodeBytes(source, given, target, maxPixels);
  const image = fromRaw(source);
  if (source.width === target.width && source.height === target.height && source.channels === target.channels)
    return source.data instanceof Float32Array ? source.data.slice() : scaled(source.data);
  return conform(image, target);
}

/**
 * A PNG of `pixels` ([height, width, channels], values in [0, 1], 8 bits kept).
 *
 * @throws ImageError when the pixels don't fit the shape or lie outside [0, 1]
 */
export async function encodePng(pixels: Float32Array, shape: ImageShape): Promise<Buffer> {
  const { width, height, channels } = shape;
  return await fromRaw({ data: pixels, width, height, channels }).png().toBuffer();
}

async function decodeBytes(
  bytes: Uint8Array,
  given: string,
  target: ImageTarget,
  maxPixels: number | undefined,
): Promise<Float32Array> {
  const { image } = await openEncoded(bytes, given, maxPixels);
  return whole(given, () => conform(image, target));
}

/**
 * Whole images are decoded, and resized by `fit`: sharp's own resizing shrinks a JPEG in boxes while it is loaded, which is several
 * times faster, but turns fine stripes into coarse ones, ten levels off and more.
 */
async function conform(image: Sharp, target: ImageTarget): Promise<Float32Array> {
  const { resize, interpolation = 'bilinear', ...shape } = target;
  const bytes = opaque(image, shape.channels);
  return inTurn(async () => {
    const { data, info } = await bytes.toBuffer({ resolveWithObject: true });
    const cover = resize === undefined ? shape : { width: resize, height: resize };
    if (info.width === cover.width && info.height === cover.height && resize === undefined)
      return scaled(data);
    // Bicubic overshoots; pixels end at black and white.
    return fit(data, info, { cover, crop: shape, interpolation }).map(value =>
      Math.min(1, Math.max(0, value / 255)),
    );
  });
}

/** Whole images that are held in memory at once, however many are asked for: up to 300 MB each. */
const lanes = Array.from({ length: 4 }, () => Promise.resolve());
let next = 0;

function inTurn<T>(task: () => Promise<T>): Promise<T> {
  const lane = next++ % lanes.length;
  const result = (lanes[lane] ?? Promise.resolve()).then(task);
  const settled = (): void => undefined;
  lanes[lane] = result.then(settled, settled);
  return result;
}

function scaled(values: Uint8Array): Float32Array {
  return Float32Array.from(values, value => value / 255);
}
