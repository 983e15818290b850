/** Images in a page become those that a network takes: decoded by the browser, resized by our own code, so that numbers equal Node's. */
import { conform } from '../data/conform.js';
import type { ImageTarget } from '../data/dataset.js';
import type { RawImage } from '../data/raw-image.js';
import { asItIs, rawBytes } from '../data/raw-image.js';
import { ImageError } from '../errors/index.js';
import { isRawImage } from '../predict/given.js';
import { opaque } from './opaque.js';

/** An encoded image (a file, a blob, its bytes), what the page shows (an image or video element, a canvas, a bitmap), or pixels. */
export type WebImage = ImageBitmapSource | Uint8Array<ArrayBuffer> | RawImage;

/**
 * The pixels of an image, as `target` asks for them; `decodeImage` is the same in Node.
 * @param maxPixels of an encoded image; the browser has decoded it before they are counted
 * @returns [height * width * channels]
 * @throws ImageError when the browser cannot decode it, it is too large, or raw pixels don't fit their size
 */
export async function decodeInPage(
  image: WebImage,
  target: ImageTarget,
  maxPixels = 100_000_000,
): Promise<Uint8Array> {
  if (isRawImage(image)) {
    const raw = rawBytes(image);
    return (
      asItIs(raw, target) ??
      conform(opaque(raw, target.channels), { ...raw, channels: target.channels }, target)
    );
  }
  const bitmap = await bitmapOf(image);
  try {
    const { width, height } = bitmap;
    if (width * height > maxPixels) {
      throw new ImageError({
        problem: 'the image is too large',
        given: `${width} x ${height} pixels`,
        allowed: `at most ${maxPixels / 1e6} million pixels`,
        mend: 'make the image smaller first',
      });
    }
    const bytes = opaque({ data: pixelsOf(bitmap), channels: 4 }, target.channels);
    return conform(bytes, { width, height, channels: target.channels }, target);
  } finally {
    bitmap.close();
  }
}

async function bitmapOf(image: ImageBitmapSource | Uint8Array<ArrayBuffer>): Promise<ImageBitmap> {
  const source = image instanceof Uint8Array ? new Blob([image]) : image;
  try {
    return await createImageBitmap(source);
  } catch (cause) {
    throw new ImageError({
      problem: 'the image cannot be decoded',
      given: source instanceof File ? source.name : 'data that this browser does not know',
      allowed: 'a complete image that the browser can show: PNG, JPEG, WebP, AVIF, GIF',
      mend: 'convert it to PNG or JPEG',
      cause,
    });
  }
}

/** [height * width * 4], over black: alpha is 255 everywhere. */
function pixelsOf(bitmap: ImageBitmap): Uint8Array {
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext('2d', {
    alpha: false,
    willReadFrequently: true,
  });
  if (!context) {
    throw new ImageError({
      problem: 'this browser cannot draw an image of this size',
      given: `${width} x ${height} pixels`,
      mend: 'make the image smaller first',
    });
  }
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  return new Uint8Array(data.buffer, data.byteOffset, data.length);
}
