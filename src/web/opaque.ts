/** Pixels of any channels become grey or RGB as libvips makes them, which decodes in Node (its flatten, sRGB2scRGB and scRGB2BW). */
import type { Bytes } from '../data/raw-image.js';

/**
 * Over black where it is transparent. Grey is luminance, of light and not of the values that encode it.
 * @returns [height * width * channels]
 */
export function opaque(
  { data, channels: given }: Omit<Bytes, 'width' | 'height'>,
  channels: number,
): Uint8Array {
  if (given === channels) return data;
  const pixels = data.length / given;
  if (given === 1) return Uint8Array.from({ length: 3 * pixels }, (_, i) => data[Math.floor(i / 3)] ?? 0);
  const rgb = given === 3 ? data : overBlack(data);
  return channels === 3 ? rgb : grey(rgb);
}

/** [4 * pixels] -> [3 * pixels] */
function overBlack(data: Uint8Array): Uint8Array {
  const made = new Uint8Array((data.length / 4) * 3);
  for (let from = 0, to = 0; from < data.length; from += 4) {
    const alpha = data[from + 3] ?? 0;
    for (let c = 0; c < 3; c++) made[to++] = Math.floor(((data[from + c] ?? 0) * alpha) / 255);
  }
  return made;
}

/** [3 * pixels] -> [pixels] */
function grey(rgb: Uint8Array): Uint8Array {
  const made = new Uint8Array(rgb.length / 3);
  for (let i = 0; i < made.length; i++) {
    const [red = 0, green = 0, blue = 0] = rgb.subarray(3 * i, 3 * i + 3);
    made[i] = luminance(red, green, blue);
  }
  return made;
}

/** IEC 61966-2-1 (sRGB): from a byte to light, in [0, 1]. */
const light = Float64Array.from({ length: 256 }, (_, byte) => {
  const value = byte / 255;
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
});

/** And back, of 256 steps of light, the last twice: libvips interpolates between these. */
const encoded = Uint8Array.from({ length: 257 }, (_, step) => {
  const value = Math.min(255, step) / 255;
  return Math.round(255 * (value <= 0.0031308 ? 12.92 * value : 1.055 * value ** (1 / 2.4) - 0.055));
});

/** With ITU-R BT.709's share of each primary. */
function luminance(red: number, green: number, blue: number): number {
  const sum = 0.2126 * (light[red] ?? 0) + 0.7152 * (light[green] ?? 0) + 0.0722 * (light[blue] ?? 0);
  const step = Math.floor(255 * sum);
  const [below = 0, above = 0] = encoded.subarray(step, step + 2);
  return Math.round(below + (above - below) * (255 * sum - step));
}
