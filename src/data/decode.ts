/** Image files, buffers and raw pixels become the image that a network takes, and back. */
import sharp, { type Sharp } from 'sharp';
import { conform } from './conform.js';
import type { ImageShape, ImageTarget } from './dataset.js';
import { opaque, openEncoded, readImageFile, whole } from './image-file.js';
import { asItIs, rawBytes, type RawImage } from './raw-image.js';

/**
 * The pixels of an image, as `target` asks for them: turned as its EXIF orientation says, laid over black where it is
 * transparent, made grey or RGB, and where its size differs, resized to cover the shape and cropped at the centre,
 * antialiased as torchvision does both.
 * Raw pixels that have the shape already are given back as they are, values in [0, 1] rounded to 8 bits.
 *
 * @param source the path of a file, the bytes of one (JPEG, PNG, WebP, AVIF, TIFF, the first frame of a GIF), or raw pixels
 * @param given what messages call it: its path, or how many bytes it has
 * @param maxPixels of an encoded image
 * @returns [height * width * channels]
 * @throws ImageError when the file is missing, empty, damaged, of another format or too large, or the raw pixels don't
 *   fit their size
 */
export async function decodeImage(
  source: string | Uint8Array | RawImage,
  target: ImageTarget,
  given = typeof source === 'string' ? source : `${'length' in source ? source.length : 0} bytes`,
  maxPixels?: number,
): Promise<Uint8Array> {
  if (typeof source === 'string') return decodeBytes(await readImageFile(source), given, target, maxPixels);
  if (source instanceof Uint8Array) return decodeBytes(source, given, target, maxPixels);
  const raw = rawBytes(source);
  return asItIs(raw, target) ?? decodeWhole(fromRaw(raw), target);
}

/**
 * A PNG of `pixels` ([height, width, channels]: bytes, or values in [0, 1], of which 8 bits are kept).
 *
 * @throws ImageError when the pixels don't fit the shape or lie outside [0, 1]
 */
export async function encodePng(pixels: RawImage['data'], shape: ImageShape): Promise<Buffer> {
  const { width, height, channels } = shape;
  return await fromRaw({ data: pixels, width, height, channels }).png().toBuffer();
}

/** The same to be looked at: colours as a JPEG, which of photographs is several times smaller; greys as a PNG. */
export async function encodePicture(pixels: RawImage['data'], shape: ImageShape): Promise<Buffer> {
  const { width, height, channels } = shape;
  if (channels === 1) return encodePng(pixels, shape);
  return await fromRaw({ data: pixels, width, height, channels })
    .jpeg({ quality: 90, chromaSubsampling: '4:4:4' })
    .toBuffer();
}

async function decodeBytes(
  bytes: Uint8Array,
  given: string,
  target: ImageTarget,
  maxPixels: number | undefined,
): Promise<Uint8Array> {
  const { image } = await openEncoded(bytes, given, maxPixels);
  return whole(given, () => decodeWhole(image, target));
}

/** Not by sharp's own resizing, which shrinks a JPEG in boxes while it is loaded: several times faster, but fine stripes become coarse ones. */
async function decodeWhole(image: Sharp, target: ImageTarget): Promise<Uint8Array> {
  const bytes = opaque(image, target.channels);
  return inTurn(async () => {
    const { data, info } = await bytes.toBuffer({ resolveWithObject: true });
    // A plain array, for a Buffer's `slice` shares its memory.
    return conform(new Uint8Array(data.buffer, data.byteOffset, data.length), info, target);
  });
}

/** Whole images that are held in memory at once, however many are asked for: up to 300 MB each. */
const lanes = Array.from({ length: 4 }, () => Promise.resolve());
let next = 0;

function inTurn<T>(task: () => Promise<T>): Promise<T> {
  const lane = next++ % lanes.length;
  const result = (lanes[lane] ?? Promise.resolve()).then(task);
  const settled = (): void => undefined;
  lanes[lane] = result.then(settled, settled);
  return result;
}

/** @throws ImageError as `rawBytes` */
function fromRaw(image: RawImage): Sharp {
  const { data, width, height, channels } = rawBytes(image);
  return sharp(data, { raw: { width, height, channels } });
}
