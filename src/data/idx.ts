/** IDX files: the format of MNIST and of the sets made after it (http://yann.lecun.com/exdb/mnist). */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { DataError } from '../errors/index.js';

/** Bytes in an array of any rank. */
export interface IdxArray {
  readonly shape: readonly number[];
  /** Row-major, as many as the product of the shape. */
  readonly values: Uint8Array;
}

/** Grey pictures and their classes. */
export interface IdxPictures {
  readonly count: number;
  /** In pixels. */
  readonly height: number;
  readonly width: number;
  /** [count, height, width], 0 to 255. */
  readonly pixels: Uint8Array;
  /** [count] */
  readonly labels: Uint8Array;
}

const unsignedByte = 8;
const maxBytes = 2 ** 30;

/**
 * Reads an IDX file of unsigned bytes, compressed with gzip or not (told from its content).
 *
 * @throws DataError when the file is missing, no IDX file, of another type of number, or shorter or longer than its header says
 */
export function readIdx(path: string): IdxArray {
  const bytes = decompressed(readBytes(path), path);
  const shape = readShape(bytes, path);
  const values = bytes.subarray(4 + 4 * shape.length);
  const expected = shape.reduce((product, side) => product * side, 1);
  if (values.length !== expected) {
    const cut = values.length < expected;
    throw new DataError({
      problem: cut ? 'the IDX file is cut off' : 'the IDX file is longer than its header says',
      given: `${path}: ${values.length} values`,
      allowed: `${expected} (${shape.join(' x ')})`,
      mend: 'download or copy the file again',
    });
  }
  return { shape, values };
}

/**
 * Reads pictures ([count, height, width]) and their labels ([count]) from two IDX files.
 *
 * @throws DataError when either cannot be read (see readIdx), has another rank, or their counts differ or are 0
 */
export function readIdxPair(imagesPath: string, labelsPath: string): IdxPictures {
  const images = readIdx(imagesPath);
  const [count = 0, height = 0, width = 0] = images.shape;
  checkShape(images, imagesPath, 3, 'images: count x height x width, each at least 1');
  const labels = readIdx(labelsPath);
  checkShape(labels, labelsPath, 1, 'labels: their count, at least 1');
  if (labels.values.length !== count) {
    throw new DataError({
      problem: 'the numbers of images and labels differ',
      given: `${count} images in ${imagesPath}, ${labels.values.length} labels in ${labelsPath}`,
      allowed: 'one label for each image',
      mend: 'give the two files of the same set (train or t10k)',
    });
  }
  return { count, height, width, pixels: images.values, labels: labels.values };
}

function readBytes(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new DataError({
      problem: 'the IDX file cannot be read',
      given: path,
      allowed: 'the path of a file that exists and may be read',
      mend: 'check the path and the permissions of the file',
      cause,
    });
  }
}

function decompressed(bytes: Uint8Array, path: string): Uint8Array {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: maxBytes });
  } catch (cause) {
    throw new DataError({
      problem: 'the gzip file is damaged or cut off, or too large',
      given: path,
      allowed: `a complete gzip file of at most ${maxBytes / 2 ** 20} MiB when unpacked`,
      mend: 'download or copy the file again',
      cause,
    });
  }
}

/** The header: two zeros, the type of the numbers, the rank, then each side as a big-endian 32-bit number. */
function readShape(bytes: Uint8Array, path: string): number[] {
  const [zero, zeroToo, type, rank = 0] = bytes;
  if (zero !== 0 || zeroToo !== 0 || type !== unsignedByte || rank === 0) {
    throw new DataError({
      problem: 'the file is not an IDX file of unsigned bytes',
      given: `${path}, which begins with ${hex(bytes.subarray(0, 4)) || 'nothing: it is empty'}`,
      allowed: '00 00 08 and the number of dimensions (03 for images, 01 for labels)',
      mend: 'give the IDX file itself, as it is or compressed with gzip',
    });
  }
  const header = 4 + 4 * rank;
  if (bytes.length < header) {
    throw new DataError({
      problem: 'the IDX file is cut off within its header',
      given: `${path}: ${bytes.length} bytes`,
      allowed: `at least ${header} bytes for ${rank} dimensions`,
      mend: 'download or copy the file again',
    });
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, header);
  return Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join(' ');
}

function checkShape({ shape }: IdxArray, path: string, rank: number, allowed: string): void {
  if (shape.length === rank && !shape.includes(0)) return;
  throw new DataError({
    problem: 'the IDX file has the wrong shape',
    given: `${path}: ${shape.join(' x ')}`,
    allowed,
    mend: 'check that images and labels are not swapped',
  });
}
