/** From the bytes of an image to what the network sees of it: the same whoever prepares it. */
import type { Sharp } from 'sharp';
import type { JpegModule } from '../../engine/jpeg.js';
import type { Random } from '../../random/index.js';
import { stream } from '../../random/index.js';
import { conform, scaled } from '../conform.js';
import type { ImageTarget } from '../dataset.js';
import { decodeImage } from '../decode.js';
import { opaque, openEncoded, whole } from '../image-file.js';
import { stretch } from '../resample.js';
import { jitter, jitters } from './colour.js';
import type { AugmentConfig } from './config.js';
import type { Jpeg } from './jpeg.js';
import { plainJpeg } from './jpeg.js';
import { randAugment } from './rand-augment.js';
import type { Region } from './random-crop.js';
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

/** [height, width, channels]: bytes, or values in [0, 1]. */
type Pixels = Uint8Array | Float32Array;

/** Whether images are bytes: nothing mixes their levels. */
export function givesBytes({ vary }: Plan): boolean {
  return !vary || (vary.augment.randAugment === undefined && !jitters(vary.augment));
}

/**
 * A function of its arguments alone.
 * @param given what messages call the image
 * @param native changes nothing but the time
 * @returns bytes where `givesBytes` says so
 * @throws ImageError when the image cannot be decoded
 */
export async function prepare(
  bytes: Uint8Array,
  given: string,
  plan: Plan,
  { index, epoch }: Seen,
  native?: JpegModule,
): Promise<Pixels> {
  const { target, vary } = plan;
  const encoded: Encoded = { bytes, given, jpeg: native && plainJpeg(bytes, target.channels, native) };
  if (!vary) return middle(encoded, target);
  const { augment } = vary;
  const random = stream(vary.seed, vary.set, epoch, index);
  const mirrored = random() < augment.flip;
  const cut =
    augment.crop === 'centre'
      ? await middle(encoded, target)
      : await randomCrop(encoded, target, augment, random);
  if (givesBytes(plan)) return mirrored ? mirror(cut, target) : cut;
  const pixels = scaled(cut);
  if (augment.randAugment) randAugment(pixels, target, augment.randAugment, random);
  jitter(pixels, target.channels, augment, random);
  return mirrored ? mirror(pixels, target) : pixels;
}

interface Encoded {
  readonly bytes: Uint8Array;
  readonly given: string;
  /** Where it is one that needs no sharp, unless it turns out to be damaged. */
  readonly jpeg: Jpeg | undefined;
}

/** As `decodeImage`. */
async function middle({ bytes, given, jpeg }: Encoded, target: ImageTarget): Promise<Uint8Array> {
  const pixels = jpeg?.decode({ top: 0, left: 0, width: jpeg.width, height: jpeg.height });
  if (!jpeg || !pixels) return decodeImage(bytes, target, given);
  return conform(pixels, { width: jpeg.width, height: jpeg.height, channels: target.channels }, target);
}

/** A random region at the target's size. Bilinear and antialiased, as torchvision's default is. */
async function randomCrop(
  { bytes, given, jpeg }: Encoded,
  target: ImageTarget,
  augment: AugmentConfig,
  random: Random,
): Promise<Uint8Array> {
  const encoded = jpeg ?? (await openEncoded(bytes, given));
  const region = randomRegion(encoded, augment, random);
  const reduction = Math.min(region.width / target.width, region.height / target.height);
  const shrinks = reduction >= leastShrunk;
  const pixels = shrinks ? undefined : jpeg?.decode(region);
  if (pixels) return atSize(pixels, region, target);
  const { image, ...size } = 'image' in encoded ? encoded : await openEncoded(bytes, given);
  const crop = shrinks ? shrunkCrop : exactCrop;
  return whole(given, () => crop(image, size, region, target));
}

/** From here on a JPEG is decoded at a half of its size, or less. */
const leastShrunk = 4;

type Crop = (
  image: Sharp,
  size: { readonly width: number; readonly height: number },
  region: Region,
  target: ImageTarget,
) => Promise<Uint8Array>;

const exactCrop: Crop = async (image, _, region, target) =>
  atSize(await opaque(image.extract(region), target.channels).toBuffer(), region, target);

/** To the last bit what torchvision makes of the region's pixels. */
function atSize(pixels: Uint8Array, region: Region, target: ImageTarget): Uint8Array {
  return stretch(pixels, { ...region, channels: target.channels }, target, 'bilinear');
}

/**
 * The whole image is asked for at the size that makes its region as large as the target, and the region alone is computed: that
 * lets a JPEG be decoded at a fraction of its size, down to twice what is needed. Sizes are rounded, which shifts pixels by
 * less than one.
 */
const shrunkCrop: Crop = async (image, size, region, { width, height, channels }) => {
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
  return opaque(resized, channels).toBuffer();
};

/** Left and right exchanged, in place. */
function mirror<P extends Pixels>(pixels: P, { width, channels }: ImageTarget): P {
  const line = width * channels;
  for (let row = 0; row < pixels.length; row += line) {
    for (let left = row, right = row + line - channels; left < right; left += channels, right -= channels) {
      for (let c = 0; c < channels; c++) {
        const kept = pixels[left + c] ?? 0;
        pixels[left + c] = pixels[right + c] ?? 0;
        pixels[right + c] = kept;
      }
    }
  }
  return pixels;
}
