/** Images made worse, to see how accuracy and cost change: ImageNet-C's corruptions (Hendrycks and Dietterich 2019), and translation. */
import { randomPoisson } from 'd3-random';
import sharp from 'sharp';
import type { Random } from '../../random/index.js';
import { integer, normal, stream } from '../../random/index.js';
import type { Dataset, ImageShape } from '../dataset.js';
import { disk, filter, mirrored, motion, nearest } from './kernels.js';
import { constantsFor, type Constants, type CorruptionName } from './severities.js';

/** An image with values in [0, 1], made worse; a function of its arguments. */
type Corrupt = (
  image: Float32Array,
  shape: ImageShape,
  random: Random,
) => Float32Array | Promise<Float32Array>;

const corruptions: { readonly [Name in CorruptionName]: (strength: Constants[Name][number]) => Corrupt } = {
  'gaussian noise': deviation => (image, _shape, random) => {
    const noise = normal(random, image.length);
    return image.map((value, i) => value + deviation * (noise[i] ?? 0));
  },
  'shot noise': photons => (image, _shape, random) => {
    const poisson = randomPoisson.source(random);
    return image.map(value => poisson(value * photons)() / photons);
  },
  'impulse noise': share => (image, _shape, random) =>
    image.map(value => (random() < share ? integer(random, 2) : value)),
  'defocus blur': ([radius, softness]) => {
    const taps = disk(radius, softness);
    return (image, shape) => filter(image, shape, taps, mirrored);
  },
  'motion blur':
    ([radius, sigma]) =>
    (image, shape, random) =>
      filter(image, shape, motion(radius, sigma, 90 * random() - 45), nearest),
  brightness:
    added =>
    (image, { channels }) =>
      brighter(image, channels, added),
  contrast:
    left =>
    (image, { channels }) => {
      const means = Array.from({ length: channels }, (_, c) => mean(image, channels, c));
      return image.map((value, i) => {
        const middle = means[i % channels] ?? 0;
        return (value - middle) * left + middle;
      });
    },
  jpeg:
    quality =>
    async (image, { height, width, channels }) => {
      const raw = { width, height, channels: channels === 1 ? 1 : 3 } as const;
      const bytes = Uint8Array.from(image, value => Math.round(255 * value));
      const file = await sharp(bytes, { raw }).jpeg({ quality }).toBuffer();
      const decoded = sharp(file)
        .toColourspace(channels === 1 ? 'b-w' : 'srgb')
        .raw();
      return Float32Array.from(await decoded.toBuffer(), byte => byte / 255);
    },
  translation: share => (image, shape, random) => {
    const angle = 2 * Math.PI * random();
    const way = (part: number) => Math.round(part * share * shape.width);
    const tap = { y: way(Math.sin(angle)), x: way(Math.cos(angle)), weight: 1 };
    return filter(image, shape, [tap], nearest);
  },
};

export const corruptionNames = Object.keys(corruptions) as CorruptionName[];
export const severities = [1, 2, 3, 4, 5] as const;
export type Severity = (typeof severities)[number];

/** `base` with every image made worse; as there, an image is a function of its index and the epoch. */
export function corrupted(base: Dataset, name: CorruptionName, severity: Severity): Dataset {
  const { shape } = base;
  const corrupt = make(name, shape, severity);
  const length = shape.height * shape.width * shape.channels;
  return {
    name: `${base.name}, ${name} ${severity}`,
    size: base.size,
    classes: base.classes,
    label: base.label,
    shape,
    async read(indices, epoch, images, labels) {
      await base.read(indices, epoch, images, labels);
      for (const [i, index] of indices.entries()) {
        const image = images.subarray(i * length, (i + 1) * length);
        const worse = await corrupt(image, shape, stream(0, name, severity, index));
        // Stored in bytes, as theirs.
        image.set(worse.map(value => Math.floor(255 * Math.min(1, Math.max(0, value))) / 255));
      }
    },
    ...(base.source && { source: (index: number) => base.source?.(index) ?? index }),
  };
}

function make<Name extends CorruptionName>(name: Name, shape: ImageShape, severity: Severity): Corrupt {
  const { constants } = constantsFor(Math.min(shape.height, shape.width));
  const strengths: readonly Constants[Name][number][] = constants[name];
  const strength = strengths[severity - 1];
  if (strength === undefined) throw new RangeError(`${name} has no severity ${severity}`);
  return corruptions[name](strength);
}

function mean(image: Float32Array, channels: number, c: number): number {
  let sum = 0;
  for (let i = c; i < image.length; i += channels) sum += image[i] ?? 0;
  return (sum * channels) / image.length;
}

/** Adds to the value of HSV, which is the largest channel: the others keep their ratio to it. */
function brighter(image: Float32Array, channels: number, added: number): Float32Array {
  const result = new Float32Array(image.length);
  for (let i = 0; i < image.length; i += channels) {
    const pixel = image.subarray(i, i + channels);
    const value = pixel.reduce((a, b) => Math.max(a, b), 0);
    const raised = Math.min(1, value + added);
    for (const [c, channel] of pixel.entries()) {
      result[i + c] = value === 0 ? raised : (channel * raised) / value;
    }
  }
  return result;
}
