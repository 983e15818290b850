/** Images whose class is readable in one place only, which the glance reveals: a policy that learns must find it. */
import type { Random } from '../random/index.js';
import { integer, stream } from '../random/index.js';
import type { KnownAnswerConfig } from './config.js';
import type { Dataset, ImageShape, Part, Splits } from './dataset.js';

export interface KnownAnswerOptions extends Pick<KnownAnswerConfig, 'seed' | 'side' | 'patch' | 'classes'> {
  /** Training images are new in each epoch; the others are fixed by the seed. */
  readonly split: Part;
  readonly size: number;
}

/** Where a patch begins, in pixels. */
export interface Place {
  readonly row: number;
  readonly column: number;
}

interface Direction {
  readonly name: string;
  /** How many pixels further along the wave one step down and one to the right lead. */
  readonly down: number;
  readonly right: number;
}

const directions: readonly Direction[] = [
  { name: 'horizontal', down: 1, right: 0 },
  { name: 'vertical', down: 0, right: 1 },
  { name: 'diagonal', down: 1, right: 1 },
  { name: 'anti-diagonal', down: 1, right: -1 },
];
/** Of the stripes, in pixels. */
const period = 3;
const contrast = 0.2;
const noise = 0.05;
const background = 0.3;
/** The pointer is a patch this bright, under the stripes that tell the class. */
const pointer = 0.7;
/** Patches of stripes of any class, as dark as the background. */
const decoys = 4;

/**
 * Grey images of one bright patch, whose stripes tell the class, among dark patches with stripes of any class.
 *
 * The stripes leave out the pixels that a bilinear glance (patch x patch, corners aligned) reads: the glance shows the
 * bright patch and carries no information on the class.
 */
export class KnownAnswerDataset implements Dataset {
  readonly name: string;
  readonly size: number;
  readonly classes: readonly string[];
  readonly shape: ImageShape;
  private readonly side: number;
  private readonly patch: number;
  private readonly seed: number;
  private readonly varies: boolean;
  /** For each row (or column), whether the glance reads it. */
  private readonly glanced: readonly boolean[];

  constructor({ split, size, seed, side, patch, classes }: KnownAnswerOptions) {
    this.name = `known-answer/${split}`;
    this.size = size;
    this.classes = directions.slice(0, classes).map(({ name }) => name);
    this.shape = { height: side, width: side, channels: 1 };
    this.side = side;
    this.patch = patch;
    this.seed = seed;
    this.varies = split === 'train';
    this.glanced = glancedLines(side, patch);
  }

  /** The top left pixel of the informative patch. */
  place(index: number, epoch: number): Place {
    return this.randomPlace(this.random(index, epoch));
  }

  read(indices: Int32Array, epoch: number, images: Float32Array, labels: Int32Array): void {
    const pixels = this.side * this.side;
    indices.forEach((index, i) => {
      const label = this.label(index);
      this.draw(images.subarray(i * pixels, (i + 1) * pixels), label, this.random(index, epoch));
      labels[i] = label;
    });
  }

  readonly label = (index: number): number => index % this.classes.length;

  private random(index: number, epoch: number): Random {
    return stream(this.seed, this.name, this.varies ? epoch : 0, index);
  }

  private randomPlace(random: Random): Place {
    const places = this.side - this.patch + 1;
    return { row: integer(random, places), column: integer(random, places) };
  }

  private draw(image: Float32Array, label: number, random: Random): void {
    const informative = this.randomPlace(random);
    image.fill(background);
    for (let decoy = 0; decoy < decoys; decoy++) {
      const other = integer(random, this.classes.length);
      this.drawStripes(image, this.randomPlace(random), other, background, random);
    }
    this.drawStripes(image, informative, label, pointer, random);
    image.forEach((value, i) => {
      image[i] = value + noise * (2 * random() - 1);
    });
  }

  private drawStripes(
    image: Float32Array,
    { row, column }: Place,
    label: number,
    mean: number,
    random: Random,
  ) {
    const { down = 0, right = 0 } = directions[label] ?? {};
    const phase = random();
    for (let y = row; y < row + this.patch; y++) {
      for (let x = column; x < column + this.patch; x++) {
        const hidden = this.glanced[y] === true && this.glanced[x] === true;
        const wave = Math.cos(2 * Math.PI * ((down * y + right * x) / period + phase));
        image[y * this.side + x] = hidden ? mean : mean + contrast * wave;
      }
    }
  }
}

/** Which lines of `side` a bilinear resize to `patch` with aligned corners reads: the two around each sample. */
function glancedLines(side: number, patch: number): boolean[] {
  const read = new Set<number>();
  for (let i = 0; i < patch; i++) {
    const at = (i * (side - 1)) / (patch - 1);
    read.add(Math.floor(at)).add(Math.ceil(at));
  }
  return Array.from({ length: side }, (_, line) => read.has(line));
}

export function openKnownAnswer({ train, validation, test, ...options }: KnownAnswerConfig): Splits {
  return {
    train: new KnownAnswerDataset({ ...options, split: 'train', size: train }),
    validation: new KnownAnswerDataset({ ...options, split: 'validation', size: validation }),
    test: new KnownAnswerDataset({ ...options, split: 'test', size: test }),
  };
}
