import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { encodePng, decodeImage } from '../../src/data/decode.js';
import { fit, stretch } from '../../src/data/resample.js';
import { sourceDigest } from '../../src/data/simd/passes-module.js';
import { startEngine } from '../../src/engine/start.js';
import { interpolations } from '../../src/nn/kernels.js';
import { integer, stream } from '../../src/random/index.js';
import { fixture } from '../helpers/pytorch.js';

// The fixtures are read as tensors.
startEngine();

const images = ['tall', 'wide'];
/** Of the short side. */
const shorts = [4, 10, 22];
/** Short side, and side cut out. */
const crops: readonly (readonly [short: number, side: number])[] = [
  [6, 5],
  [7, 4],
  [11, 6],
  [20, 17],
];
const square = (side: number) => ({ height: side, width: side });

interface Pixels {
  readonly values: Float32Array;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** Of a fixture [h, w, c], as shares of 255. */
function read(name: string): Pixels {
  const tensor = fixture('resample').tensor(name);
  const [height = NaN, width = NaN, channels = NaN] = tensor.shape;
  return { values: Float32Array.from(tensor.dataSync(), value => value / 255), height, width, channels };
}

const bytesOf = ({ values }: Pixels): Uint8Array => Uint8Array.from(values, value => Math.round(255 * value));

function expectNear(actual: Float32Array, { values }: Pixels, tolerance: number): void {
  expect(actual).toHaveLength(values.length);
  expect(Math.max(...actual.map((value, i) => Math.abs(value - (values[i] ?? NaN))))).toBeLessThan(tolerance);
}

describe.each(interpolations)('%s', interpolation => {
  describe.each(images)('of a %s image', name => {
    const image = read(name);

    it.each(shorts)('to a short side of %i equals PyTorch’s, antialiased', short => {
      const resized = read(`torch/${name}/${interpolation}/${short}`);
      const whole = fit(image.values, image, { cover: resized, crop: resized, interpolation });
      expectNear(whole, resized, 1e-4);
    });

    it.each(crops)('to a short side of %i, cut to %i, equals torchvision’s', (short, side) => {
      const own = fit(image.values, image, { cover: square(short), crop: square(side), interpolation });
      expectNear(own, read(`torchvision/${name}/${interpolation}/${short}-${side}`), 1e-4);
    });

    it.each(crops)('to a short side of %i, cut to %i, equals Pillow’s, bit for bit', (short, side) => {
      const own = fit(bytesOf(image), image, { cover: square(short), crop: square(side), interpolation });
      expect(own).toEqual(bytesOf(read(`pillow/${name}/${interpolation}/${short}-${side}`)));
    });
  });
});

it.each(images)('decodeImage resizes a %s image to cover, as Pillow does', async name => {
  const image = read(name);
  const png = await encodePng(image.values, image);
  const shape = { ...square(6), channels: 3 };
  const expected = fit(bytesOf(image), image, {
    cover: square(6),
    crop: square(6),
    interpolation: 'bilinear',
  });
  expect(await decodeImage(png, shape)).toEqual(expected);
});

it.each(images.flatMap(name => crops.map(([short, side]) => [name, short, side] as const)))(
  'decodeImage resizes the short side of a %s image to %i and cuts out %i, where it is asked to',
  async (name, short, side) => {
    const image = read(name);
    const png = await encodePng(image.values, image);
    const target = { ...square(side), channels: 3, resize: short, interpolation: 'bicubic' } as const;
    const expected = read(`pillow/${name}/bicubic/${short}-${side}`);
    expect(await decodeImage(png, target)).toEqual(bytesOf(expected));
  },
);

it('refuses a crop larger than what is covered', () => {
  const options = { cover: square(4), crop: square(5), interpolation: 'bilinear' } as const;
  expect(() => fit(new Float32Array(9), { ...square(3), channels: 1 }, options)).toThrow(RangeError);
});

describe('bytes', () => {
  const random = stream(7, 'resample');
  const noise = (count: number): Uint8Array => Uint8Array.from({ length: count }, () => integer(random, 256));

  it.each([
    // More than WebAssembly's memory takes at once; a row that is; fewer samples than a vector has; larger ones.
    [900, 700, 3, 224, 224],
    [2, 400_000, 3, 1, 40],
    [3, 2, 3, 2, 1],
    [5, 7, 1, 3, 4],
    [1, 1, 3, 5, 4],
    [300, 200, 1, 31, 77],
  ])(
    'of %i x %i x %i stretched to %i x %i are those of numbers, rounded twice',
    (height, width, channels, to, across) => {
      const bytes = noise(height * width * channels);
      const shape = { height, width, channels };
      for (const interpolation of interpolations) {
        const own = stretch(bytes, shape, { height: to, width: across }, interpolation);
        const numbers = Float32Array.from(bytes);
        const narrow = stretch(numbers, shape, { height, width: across }, interpolation).map(rounded);
        const expected = stretch(
          narrow,
          { height, width: across, channels },
          { height: to, width: across },
          interpolation,
        );
        // Sums near a half may be rounded either way.
        const off = own.map((byte, i) => Math.abs(byte - rounded(expected[i] ?? NaN)));
        expect(own).toHaveLength(to * across * channels);
        expect(off.reduce((most, value) => Math.max(most, value), 0)).toBeLessThanOrEqual(1);
        expect(off.filter(value => value > 0).length).toBeLessThanOrEqual(3 + own.length / 100);
      }
    },
  );

  it('are resized by what passes.as says', () => {
    const source = readFileSync(new URL('../../src/data/simd/passes.as', import.meta.url));
    expect(sourceDigest, 'run node src/data/simd/compile.mjs').toBe(
      createHash('sha256').update(source).digest('hex'),
    );
  });
});

function rounded(value: number): number {
  return Math.min(255, Math.max(0, Math.floor(value + 0.5)));
}
