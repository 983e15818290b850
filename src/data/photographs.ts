/** Photographs, pieces of which lie behind what a scene is made of. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DataError } from '../errors/index.js';
import type { Random } from '../random/index.js';
import { integer } from '../random/index.js';
import type { Part } from './dataset.js';
import { opaque, openEncoded, readImageFile, whole } from './image-file.js';
import { byCodeUnits, isImageName } from './images/listing.js';
import { scaled } from './conform.js';
import { fit } from './resample.js';

interface Photograph {
  readonly width: number;
  readonly height: number;
  /** [height, width, 3] */
  readonly pixels: Uint8Array;
}

/** Of every five in the order of their names one is for validation and one for test: what is reported on has backgrounds of its own. */
const turns: readonly Part[] = ['train', 'train', 'train', 'validation', 'test'];

/** @throws DataError when the folder cannot be read, or holds too few images */
export function photographsOf(folder: string): Readonly<Record<Part, Photographs>> {
  const files = imagesIn(folder);
  if (files.length < turns.length) {
    throw new DataError({
      problem: 'there are too few photographs to lay glyphs on',
      given: `${folder}: ${files.length} images`,
      allowed: `at least ${turns.length}, for training, validation and test share none`,
      mend: 'correct data.photographs, or put more images into the folder',
    });
  }
  const of = (part: Part): Photographs =>
    new Photographs(files.filter((_, i) => turns[i % turns.length] === part));
  return { train: of('train'), validation: of('validation'), test: of('test') };
}

export class Photographs {
  private decoded: Promise<readonly Photograph[]> | undefined;

  constructor(private readonly files: readonly string[]) {}

  /** Decodes them, once. @throws ImageError when one is damaged */
  load(): Promise<readonly Photograph[]> {
    this.decoded ??= Promise.all(this.files.map(decode));
    return this.decoded;
  }
}

/** A square of one of the photographs, drawn between the size asked for and all that fits, resized. [side, side, 3], values in [0, 1] */
export function pieceOf(photographs: readonly Photograph[], side: number, random: Random): Float32Array {
  const photograph = photographs[integer(random, photographs.length)];
  if (photograph === undefined) throw new RangeError('there is no photograph to take a piece of');
  const { width, height, pixels } = photograph;
  const short = Math.min(width, height);
  const least = Math.min(side, short);
  const size = least + integer(random, short - least + 1);
  const [top, left] = [integer(random, height - size + 1), integer(random, width - size + 1)];
  const square = new Uint8Array(size * size * 3);
  for (let row = 0; row < size; row++) {
    const from = ((top + row) * width + left) * 3;
    square.set(pixels.subarray(from, from + size * 3), row * size * 3);
  }
  const shape = { height: side, width: side };
  return scaled(
    fit(
      square,
      { height: size, width: size, channels: 3 },
      { cover: shape, crop: shape, interpolation: 'bilinear' },
    ),
  );
}

function imagesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter(isImageName)
      .sort(byCodeUnits)
      .map(name => join(folder, name));
  } catch (cause) {
    throw new DataError({
      problem: 'the folder of photographs cannot be read',
      given: folder,
      mend: 'correct data.photographs',
      cause,
    });
  }
}

async function decode(path: string): Promise<Photograph> {
  const { image } = await openEncoded(await readImageFile(path), path);
  const { data, info } = await whole(path, () => opaque(image, 3).toBuffer({ resolveWithObject: true }));
  return { width: info.width, height: info.height, pixels: data };
}
