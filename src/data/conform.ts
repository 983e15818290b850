/** Decoded bytes become those of the image that a network takes; the same in Node and in a page. */
import type { ImageShape, ImageTarget } from './dataset.js';
import { fit } from './resample.js';

/**
 * Resized to cover the target and cropped at the centre, where the size differs.
 * @param bytes [height, width, channels], as many channels as the target
 * @returns [height * width * channels] of the target, as Pillow resizes
 */
export function conform(
  bytes: Uint8Array,
  { width, height, channels }: ImageShape,
  { resize, interpolation = 'bilinear', ...shape }: ImageTarget,
): Uint8Array {
  const cover = resize === undefined ? shape : { width: resize, height: resize };
  if (width === cover.width && height === cover.height && resize === undefined) return bytes;
  return fit(bytes, { width, height, channels }, { cover, crop: shape, interpolation });
}

/** Bytes as values in [0, 1], written to `values`: what level / 255 is as a float32, whichever way it is computed. */
export function scaled(
  bytes: Uint8Array,
  values: Float32Array = new Float32Array(bytes.length),
): Float32Array {
  for (let i = 0; i < bytes.length; i++) values[i] = (bytes[i] as number) * (1 / 255);
  return values;
}
