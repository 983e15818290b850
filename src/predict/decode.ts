/** Images as callers in Node give them become what a network takes. */
import type { ImageTarget } from '../data/dataset.js';
import { decodeImage } from '../data/decode.js';
import { ImageError } from '../errors/index.js';
import { shown } from '../errors/shown.js';
import { isRawImage } from './given.js';
import type { ImageSource } from './prediction.js';

/** @throws ImageError as `decodeImage`, and for what is no image at all */
export async function decodeSource(
  image: ImageSource,
  target: ImageTarget,
  maxPixels: number | undefined,
): Promise<Uint8Array> {
  if (typeof image === 'string' || image instanceof Uint8Array || isRawImage(image))
    return decodeImage(image, target, undefined, maxPixels);
  throw new ImageError({
    problem: 'this is no image',
    given: shown(image),
    allowed:
      'a path, an encoded image (Uint8Array), or pixels: { data, width, height, channels }, data a Uint8Array or Float32Array',
  });
}
