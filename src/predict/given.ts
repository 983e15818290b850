/** What is given as images, by callers who may have no types. */
import type { RawImage } from '../data/raw-image.js';
import type { ImageShape } from '../data/dataset.js';
import { ImageError, UsageError } from '../errors/index.js';
import { shown } from '../errors/shown.js';

/** Whether it has the form of raw pixels; `rawBytes` checks what they are. */
export function isRawImage(image: unknown): image is RawImage {
  return (
    image instanceof Object &&
    'data' in image &&
    (image.data instanceof Uint8Array || image.data instanceof Float32Array)
  );
}

/** @throws UsageError for what is no list of images, such as one image by itself */
export function requireIterable(images: unknown): void {
  const iterable = images instanceof Object && (Symbol.iterator in images || Symbol.asyncIterator in images);
  if (iterable && !(images instanceof Uint8Array)) return;
  throw noList(images, 'an array of images, or whatever else gives one after the other');
}

/** @throws UsageError for what is no array; ImageError where one of it is not the pixels of an image of that shape */
export function requirePixels(images: unknown, shape: ImageShape): void {
  if (!Array.isArray(images)) throw noList(images, 'an array of images');
  for (const [i, image] of images.entries()) requireShape(image, i, shape);
}

function noList(images: unknown, allowed: string): UsageError {
  return new UsageError({
    problem: 'these are no images',
    given: shown(images),
    allowed,
    mend: 'give a single image as [image]',
  });
}

/** @throws ImageError for what is not the pixels of an image of that shape */
function requireShape(image: unknown, index: number, { height, width, channels }: ImageShape): void {
  const size = height * width * channels;
  if (image instanceof Uint8Array && image.length === size) return;
  throw new ImageError({
    problem: `images[${index}] is not an image of the size that the model takes`,
    given: image instanceof Uint8Array ? `${image.length} bytes` : shown(image),
    allowed: `a Uint8Array of ${size} bytes (height ${height} x width ${width} x channels ${channels})`,
    mend: 'give predict the pixels with their width, height and channels: it resizes',
  });
}
