/** RandomResizedCrop: a part of random area and shape (Szegedy et al. 2015, section 6; drawn as torchvision's `get_params`). */
import type { Random } from '../../random/index.js';
import { integer } from '../../random/index.js';
import type { AugmentConfig } from './config.js';

/** In pixels of the image. */
export interface Region {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

type Size = Pick<Region, 'width' | 'height'>;

/** Shapes that are drawn before the largest part in the middle is taken. */
const tries = 10;

export function randomRegion(size: Size, { scale, ratio }: AugmentConfig, random: Random): Region {
  const { width, height } = size;
  const between = (from: number, to: number): number => from + (to - from) * random();
  for (let i = 0; i < tries; i++) {
    const area = width * height * between(...scale);
    const shape = Math.exp(between(Math.log(ratio[0]), Math.log(ratio[1])));
    const part = { width: Math.round(Math.sqrt(area * shape)), height: Math.round(Math.sqrt(area / shape)) };
    const fits = part.width > 0 && part.width <= width && part.height > 0 && part.height <= height;
    if (!fits) continue;
    const top = integer(random, height - part.height + 1);
    return { top, left: integer(random, width - part.width + 1), ...part };
  }
  return middle(size, ratio);
}

/** The largest part in the middle whose shape is within `ratio`. */
function middle({ width, height }: Size, [least, most]: readonly [number, number]): Region {
  const shape = width / height;
  const part = {
    width: shape > most ? Math.round(height * most) : width,
    height: shape < least ? Math.round(width / least) : height,
  };
  return {
    left: Math.floor((width - part.width) / 2),
    top: Math.floor((height - part.height) / 2),
    ...part,
  };
}
