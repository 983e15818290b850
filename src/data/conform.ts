/** Decoded bytes become the values a network takes; the same in Node and in a page. */
import type { ImageShape, ImageTarget } from './dataset.js';
import { fit } from './resample.js';

/**
 * Resized to cover the target and cropped at the centre, where the size differs.
 * @param bytes [height, width, channels], as many channels as the target
 * @returns [height * width * channels] of the target, values in [0, 1]
 */
export function conform(
  bytes: Uint8Array,
  { width, height, channels }: ImageShape,
  { resize, interpolation = 'bilinear', ...shape }: ImageTarget,
): Float32Array {
  const cover = resize === undefined ? shape : { width: resize, height: resize };
  if (width === cover.width && height === cover.height && resize === undefined) return scaled(bytes);
  // Bicubic overshoots; pixels end at black and white.
  return fit(bytes, { width, height, channels }, { cover, crop: shape, interpolation }).map(value =>
    Math.min(1, Math.max(0, value / 255)),
  );
}

export function scaled(bytes: Uint8Array): Float32Array {
  return Float32Array.from(bytes, value => value / 255);
}
