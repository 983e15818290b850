/** Mixed images: mixup (Zhang et al. 2018) and CutMix (Yun et al. 2019), each image with the one before it in its batch, as in torchvision. */
import type { Batch } from '../src/data/loader.js';
import type { Random } from '../src/random/index.js';
import { beta, integer } from '../src/random/index.js';
import type { Labels } from './targets.js';

/** Parameter of the symmetric Beta distribution of shares; 0: never. */
export interface MixOptions {
  readonly mixup: number;
  readonly cutmix: number;
}

type Mixed = Pick<Batch, 'images'> & Labels;

export function mixes({ mixup, cutmix }: MixOptions): boolean {
  return mixup > 0 || cutmix > 0;
}

/** As in the joint batch, of which `batch` is a part: its first image with the one before it there. */
export function mixedInJoint(batch: Batch, side: number, options: MixOptions, random: Random): Mixed {
  const { before } = batch;
  if (!before) return mixed(batch, side, options, random);
  const images = new Float32Array(before.images.length + batch.images.length);
  images.set(before.images);
  images.set(batch.images, before.images.length);
  const labels = Int32Array.of(...before.labels, ...batch.labels);
  const all = mixed({ ...batch, images, labels, size: batch.size + 1 }, side, options, random);
  return {
    ...all,
    images: all.images.slice(before.images.length),
    labels: all.labels.slice(1),
    ...(all.others && { others: all.others.slice(1) }),
  };
}

/** A batch as `options` say; where they ask for both ways, one of them at random. All draws are from `random`. */
export function mixed(batch: Batch, side: number, { mixup, cutmix }: MixOptions, random: Random): Mixed {
  if (!mixes({ mixup, cutmix })) return batch;
  const cuts = mixup === 0 || (cutmix > 0 && random() < 0.5);
  const share = beta(random, cuts ? cutmix : mixup);
  if (!cuts) return blended(batch, share);
  const [column, row] = [integer(random, side), integer(random, side)];
  return pasted(batch, side, share, { row, column });
}

/** `share` of each image and the rest of the one before it. */
export function blended({ images, labels, size }: Batch, share: number): Mixed {
  const pixels = images.length / size;
  const result = new Float32Array(images.length);
  for (let i = 0; i < size; i++) {
    const [own, other] = [i * pixels, ((i + size - 1) % size) * pixels];
    for (let p = 0; p < pixels; p++)
      result[own + p] = share * (images[own + p] ?? 0) + (1 - share) * (images[other + p] ?? 0);
  }
  return { images: result, ...shared(labels, share) };
}

/** About 1 - `share` of each image's area, around `centre`, is of the image before it. */
export function pasted(
  { images, labels, size }: Batch,
  side: number,
  share: number,
  centre: { readonly row: number; readonly column: number },
): Mixed {
  const half = Math.floor(0.5 * Math.sqrt(1 - share) * side);
  const range = (middle: number): [number, number] => [
    Math.max(0, middle - half),
    Math.min(side, middle + half),
  ];
  const [[top, bottom], [left, right]] = [range(centre.row), range(centre.column)];
  const pixels = images.length / size;
  const line = pixels / side;
  const channels = line / side;
  const result = images.slice();
  for (let i = 0; i < size; i++) {
    const other = ((i + size - 1) % size) * pixels;
    for (let y = top; y < bottom; y++) {
      const [from, to] = [y * line + left * channels, y * line + right * channels];
      result.set(images.subarray(other + from, other + to), i * pixels + from);
    }
  }
  return { images: result, ...shared(labels, 1 - ((bottom - top) * (right - left)) / side ** 2) };
}

function shared(own: Int32Array, share: number): Labels {
  return { labels: own, others: own.map((_, i) => own.at(i - 1) ?? 0), share };
}
