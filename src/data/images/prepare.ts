/** From the bytes of an image to what the network sees of it: the same whoever prepares it. */
import type { Random } from '../../random/index.js';
import { stream } from '../../random/index.js';
import { scaled } from '../conform.js';
import type { ImageTarget } from '../dataset.js';
import { decodeImage } from '../decode.js';
import { opaque, openEncoded, whole } from '../image-file.js';
import { jitter } from './colour.js';
import type { AugmentConfig } from './config.js';
import { randAugment } from './rand-augment.js';
import { randomRegion } from './random-crop.js';

/** How the images of a set are prepared. */
export interface Plan {
  readonly target: ImageTarget;
  /** Without it images are prepared as `gfnet predict` prepares them. */
  readonly vary?: { readonly augment: AugmentConfig; readonly seed: number; readonly set: string };
}

/** Which image of a set, and when it is seen. */
export interface Seen {
  readonly index: number;
  readonly epoch: number;
}

/**
 * A function of its arguments alone.
 * @param given what messages call the image
 * @returns [height, width, channels] in [0, 1]
 * @throws ImageError when the image cannot be decoded
 */
export async function prepare(
  bytes: Uint8Array,
  given: string,
  { target, vary }: Plan,
  { index, epoch }: Seen,
): Promise<Float32Array> {
  if (!vary) return scaled(await decodeImage(bytes, target, given));
  const { augment } = vary;
  const random = stream(vary.seed, vary.set, epoch, index);
  const mirrored = random() < augment.flip;
  const pixels =
    augment.crop === 'centre'
      ? scaled(await decodeImage(bytes, target, given))
      : await randomCrop(bytes, given, target, augment, random);
  if (augment.randAugment) randAugment(pixels, target, augment.randAugment, random);
  jitter(pixels, target.channels, augment, random);
  return mirrored ? mirror(pixels, target) : pixels;
}

/**
 * The whole image is asked for at the size that makes its region as large as the target, and the region alone is computed: that
 * lets a JPEG be decoded at a fraction of its size, down to twice what is needed. Sizes are rounded, which shifts pixels by
 * less than one. Bilinear and antialiased, as torchvision's default is.
 */
async function randomCrop(
  bytes: Uint8Array,
  given: string,
  { height, width, channels }: ImageTarget,
  augment: AugmentConfig,
  random: Random,
): Promise<Float32Array> {
  const { image, ...size } = await openEncoded(bytes, given);
  const region = randomRegion(size, augment, random);
  const all = {
    width: Math.max(width, Math.round((size.width * width) / region.width)),
    height: Math.max(height, Math.round((size.height * height) / region.height)),
  };
  const cut = {
    left: Math.min(all.width - width, Math.round((region.left * width) / region.width)),
    top: Math.min(all.height - height, Math.round((region.top * height) / region.height)),
    width,
    height,
  };
  const resized = image
    .resize(all.width, all.height, { fit: 'fill', kernel: 'linear', fastShrinkOnLoad: false })
    .extract(cut);
  return scaled(await whole(given, () => opaque(resized, channels).toBuffer()));
}

/** Left and right exchanged. */
function mirror(pixels: Float32Array, { height, width, channels }: ImageTarget): Float32Array {
  const mirrored = new Float32Array(pixels.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (y * width + width - 1 - x) * channels;
      const to = (y * width + x) * channels;
      for (let c = 0; c < channels; c++) mirrored[to + c] = pixels[from + c] ?? 0;
    }
  }
  return mirrored;
}
