import { describe, expect, it } from 'vitest';
import { encodePng, decodeImage } from '../../src/data/decode.js';
import { fit } from '../../src/data/resample.js';
import { startEngine } from '../../src/engine/start.js';
import { interpolations } from '../../src/nn/kernels.js';
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
