/** TensorFlow's decoder of JPEGs, for threads that decode (native/jpeg.cc). */
import { existsSync } from 'node:fs';
import { defaultPlace } from './setup/place.js';
import { jpegModuleOf } from './setup/tfjs-node.js';
import { isStarted } from './start.js';

/** A module that any thread can load, once this process has started TensorFlow. */
export interface JpegModule {
  /**
   * Decodes a region, as libjpeg-turbo does with its accurate inverse DCT, turned by no EXIF orientation.
   * @param channels 1 or 3; 1 of colours is their luma
   * @param imageWidth of the whole image, in pixels
   * @param out [height, width, channels]
   * @returns false where libjpeg refuses the image; `out` is then as it was
   */
  decode(
    bytes: Uint8Array,
    channels: number,
    imageWidth: number,
    top: number,
    left: number,
    height: number,
    width: number,
    out: Uint8Array,
  ): boolean;
}

/**
 * Where the module is; undefined where there is none, or TensorFlow is not started: the module's own context would then come
 * first, and settle how many threads there are.
 */
export function jpegModule(): string | undefined {
  if (!isStarted()) return undefined;
  const file = jpegModuleOf(defaultPlace().root);
  return existsSync(file) ? file : undefined;
}
