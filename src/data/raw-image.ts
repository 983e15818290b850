/** Pixels in memory, checked before anything reads them. */
import { ImageError } from '../errors/index.js';
import type { ImageShape } from './dataset.js';

export interface RawImage {
  /** [height, width, channels]: bytes, or values in [0, 1]. */
  readonly data: Uint8Array | Float32Array;
  readonly width: number;
  readonly height: number;
  /** 1 (grey), 3 (RGB) or 4 (RGB and alpha). */
  readonly channels: number;
}

/** A raw image that was checked, with 8 bits a value. */
export interface Bytes {
  /** [height, width, channels] */
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3 | 4;
}

/** @throws ImageError when size, channels, length or values don't fit */
export function rawBytes({ data, width, height, channels }: RawImage): Bytes {
  if (!isSide(width) || !isSide(height)) {
    throw new ImageError({
      problem: 'the size of the raw image is impossible',
      given: `${width} x ${height}`,
      allowed: 'a whole number of pixels, at least 1 x 1',
      mend: 'give the width and height of the pixels in data',
    });
  }
  if (channels !== 1 && channels !== 3 && channels !== 4) {
    throw new ImageError({
      problem: 'the raw image has an unknown number of channels',
      given: String(channels),
      allowed: '1 (grey), 3 (RGB) or 4 (RGB and alpha)',
      mend: 'convert the pixels to one of these',
    });
  }
  if (data.length !== width * height * channels) {
    throw new ImageError({
      problem: 'the raw image does not have as many values as its size says',
      given: `${data.length} values`,
      allowed: `${width * height * channels} (width ${width} x height ${height} x channels ${channels})`,
      mend: 'correct width, height and channels, or give all the pixels',
    });
  }
  return { data: data instanceof Float32Array ? toBytes(data) : data, width, height, channels };
}

function isSide(value: number): boolean {
  return Number.isInteger(value) && value >= 1;
}

function toBytes(values: Float32Array): Uint8Array {
  const outside = values.find(value => !(value >= 0 && value <= 1));
  if (outside !== undefined) {
    throw new ImageError({
      problem: 'the raw image has a value out of range',
      given: String(outside),
      allowed: 'numbers in [0, 1], or a Uint8Array of 0 to 255',
      mend: 'divide values of 0 to 255 by 255',
    });
  }
  const bytes = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i++) bytes[i] = Math.round((values[i] ?? 0) * 255);
  return bytes;
}

/** A copy of an image that has the target's shape already; undefined for any other. */
export function asItIs({ data, ...image }: Bytes, shape: ImageShape): Uint8Array | undefined {
  const same =
    image.width === shape.width && image.height === shape.height && image.channels === shape.channels;
  // Not `slice`, which of a Buffer copies nothing.
  return same ? new Uint8Array(data) : undefined;
}
