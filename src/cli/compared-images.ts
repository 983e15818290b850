/** Images that a model is exported with: what its bundle is compared with the training engine on. */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { openRun } from '../checkpoint/run-folder.js';
import { DataConfig } from '../data/config.js';
import type { ImageTarget } from '../data/dataset.js';
import { decodeImage } from '../data/decode.js';
import { openData } from '../data/open.js';
import { rawBytes } from '../data/raw-image.js';
import { GFNetError, UsageError } from '../errors/index.js';
import type { Examples } from '../export/bundle.js';
import { homeOf } from '../predict/calibration.js';
import type { LoadedModel } from '../predict/load.js';
import { targetOf } from '../predict/load.js';
import { stream, uniform } from '../random/index.js';

/** Most real images: all are compared at once. */
const most = 16;
/** Images of noise that stand beside them, so that a batch of several is compared. */
const noise = 3;

/** The picture in a model's folder; undefined where it has none. */
export function exampleOf({ checkpoint }: LoadedModel): string | undefined {
  const file = join(homeOf(checkpoint), 'example.png');
  return existsSync(file) ? file : undefined;
}

/**
 * The first of `files`; or else the model's example, or images that its run validates on; and noise.
 * @throws UsageError where there is none of these
 */
export async function comparedImages(
  loaded: LoadedModel,
  files: readonly string[] | undefined,
): Promise<Examples> {
  const example = exampleOf(loaded);
  const named = files?.slice(0, most) ?? (example === undefined ? undefined : [example]);
  const real = named
    ? { names: named.map(file => basename(file)), pixels: await pixelsOf(named, targetOf(loaded)) }
    : await validated(loaded);
  if (real.pixels.length === 0) throw noImage('none that can be read');
  const drawn = uniform(stream(0, 'export'), noise * sizeOf(targetOf(loaded)));
  const pixels = Buffer.concat([real.pixels, Uint8Array.from(drawn, value => 256 * value)]);
  return { names: [...real.names, `${noise} images of noise`], pixels };
}

/** [files, height, width, channels] */
export async function pixelsOf(files: readonly string[], target: ImageTarget): Promise<Uint8Array> {
  return Buffer.concat(await Promise.all(files.map(file => decodeImage(file, target))));
}

async function validated({ checkpoint }: LoadedModel): Promise<Examples> {
  const home = homeOf(checkpoint);
  try {
    return await validationOf(home);
  } catch (cause) {
    if (!(cause instanceof GFNetError)) throw cause;
    throw noImage(
      `${home} without example.png, and images of its run cannot be had: ${cause.explanation.problem}`,
      cause,
    );
  }
}

function noImage(given: string, cause?: unknown): UsageError {
  return new UsageError({
    problem: 'there is no image to compare the exported model with the training engine on',
    given,
    mend: 'give --images DIR, a folder of images like those that it will classify',
    cause,
  });
}

/** Spread over the set that the run at `folder` validates on. */
async function validationOf(folder: string): Promise<Examples> {
  const { validation, close } = openData(DataConfig.parse(openRun(folder).config.data));
  try {
    const { size, shape, name } = validation;
    const count = Math.min(most, size);
    const indices = Int32Array.from({ length: count }, (_, i) => Math.floor((i * size) / count));
    const images = new Float32Array(count * sizeOf(shape));
    const labels = new Int32Array(count);
    await validation.read(indices, 0, images, labels);
    const read = [...labels.keys()].filter(i => labels[i] !== -1);
    const pixels = Buffer.concat(
      read.map(i => {
        const data = images.subarray(i * sizeOf(shape), (i + 1) * sizeOf(shape));
        return rawBytes({ data, ...shape }).data;
      }),
    );
    return { names: [`${read.length} images of ${name}`], pixels };
  } finally {
    await close?.();
  }
}

function sizeOf({ height, width, channels }: ImageTarget): number {
  return height * width * channels;
}
