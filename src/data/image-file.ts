/** Encoded images: their files, their headers, and what is said of those that are broken. */
import { readFileSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import sharp, { type Metadata, type Sharp } from 'sharp';
import { ImageError } from '../errors/index.js';

/** As sharp names them; an AVIF file is a HEIF file whose pictures are AV1. */
const formats = ['jpeg', 'png', 'webp', 'avif', 'gif', 'tiff'];
const allowed = formats.join(', ');
/** Of an encoded image. */
export const defaultMaxPixels = 100_000_000;

/** An image that is turned as its EXIF orientation says, not yet decoded. */
export interface EncodedImage {
  readonly image: Sharp;
  /** In pixels, after turning. */
  readonly width: number;
  readonly height: number;
  readonly format: string;
}

/** @throws ImageError when there is no such file, or it cannot be read */
export async function readImageFile(path: string): Promise<Uint8Array> {
  try {
    requireFile(path);
    return await readFile(path);
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

/** The same without waiting for another thread, which takes longer than reading a small file. @throws ImageError as `readImageFile` */
export function readImageFileSync(path: string): Uint8Array {
  try {
    requireFile(path);
    return readFileSync(path);
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function requireFile(path: string): void {
  if (statSync(path).isFile()) return;
  throw new ImageError({
    problem: 'the image is not a file',
    given: path,
    allowed: `a file (${allowed})`,
    mend: 'name the images in the folder one by one, e.g. FOLDER/*.png',
  });
}

function unreadable(path: string, cause: unknown): ImageError {
  if (cause instanceof ImageError) return cause;
  return new ImageError({
    problem: 'the image file cannot be read',
    given: path,
    allowed: 'the path of a file that exists and may be read',
    mend: 'check the path and the permissions of the file',
    cause,
  });
}

/**
 * Looks at the header alone; of a file with several pictures the first is taken.
 * @param given what messages call the image
 * @throws ImageError when the bytes are none, of an unknown format, or of too many pixels
 */
export async function openEncoded(
  bytes: Uint8Array,
  given: string,
  maxPixels = defaultMaxPixels,
): Promise<EncodedImage> {
  if (bytes.length === 0)
    throw new ImageError({
      problem: 'the image is empty',
      given,
      allowed,
      mend: 'copy or save the image again',
    });
  const header = await readHeader(bytes);
  const format = header && (header.compression === 'av1' ? 'avif' : header.format);
  if (header === undefined || format === undefined || !formats.includes(format)) {
    throw new ImageError({
      problem: 'the data is not an image of a known format, or its beginning is damaged',
      given,
      allowed,
      mend: 'convert it to PNG or JPEG',
    });
  }
  if (header.width * header.height > maxPixels) {
    throw new ImageError({
      problem: 'the image is too large',
      given: `${given}: ${header.width} x ${header.height} pixels`,
      allowed: `at most ${maxPixels / 1e6} million pixels`,
      mend: 'make the image smaller first',
    });
  }
  const image = sharp(bytes, { failOn: 'error', limitInputPixels: maxPixels }).autoOrient();
  return { image, format, width: header.autoOrient.width, height: header.autoOrient.height };
}

/** Format and size, without decoding any pixels; undefined where there is no header that can be read. */
async function readHeader(bytes: Uint8Array): Promise<Metadata | undefined> {
  try {
    return await sharp(bytes, { limitInputPixels: false }).metadata();
  } catch {
    return undefined;
  }
}

/** What `decode` gives. @throws ImageError when the image turns out to be damaged */
export async function whole<T>(given: string, decode: () => Promise<T>): Promise<T> {
  try {
    return await decode();
  } catch (cause) {
    throw new ImageError({
      problem: 'the image is damaged or cut off',
      given,
      allowed: 'a complete image',
      mend: 'copy or save the image again',
      cause,
    });
  }
}

/** Over black where it is transparent, as bytes: grey or RGB. */
export function opaque(image: Sharp, channels: number): Sharp {
  return image
    .flatten({ background: 'black' })
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .raw();
}
