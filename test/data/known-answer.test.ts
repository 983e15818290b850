import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DataConfig } from '../../src/data/config.js';
import { KnownAnswerDataset } from '../../src/data/known-answer.js';
import { openData } from '../../src/data/open.js';

const side = 48;
const patch = 12;

function make(split: 'train' | 'validation' | 'test' = 'test', size = 800, seed = 3) {
  return new KnownAnswerDataset({ split, size, seed, side, patch, classes: 4 });
}

function readOne(data: KnownAnswerDataset, index: number, epoch = 0) {
  const image = new Float32Array(data.shape.height * data.shape.width);
  const labels = new Int32Array(1);
  data.read(Int32Array.of(index), epoch, image, labels);
  return { image, label: labels[0] ?? NaN };
}

function crop(image: Float32Array, row: number, column: number): Float32Array {
  return Float32Array.from({ length: patch * patch }, (_, i) => {
    return image[(row + Math.floor(i / patch)) * side + column + (i % patch)] ?? NaN;
  });
}

/** Bilinear, corners aligned, as an independent loop. */
function glance(image: Float32Array): Float32Array {
  const at = (y: number, x: number) => image[Math.min(y, side - 1) * side + Math.min(x, side - 1)] ?? NaN;
  return Float32Array.from({ length: patch * patch }, (_, i) => {
    const [v, u] = [Math.floor(i / patch), i % patch].map(k => (k * (side - 1)) / (patch - 1));
    if (v === undefined || u === undefined) return NaN;
    const [y, x] = [Math.floor(v), Math.floor(u)];
    const above = at(y, x) * (1 - (u - x)) + at(y, x + 1) * (u - x);
    const below = at(y + 1, x) * (1 - (u - x)) + at(y + 1, x + 1) * (u - x);
    return above * (1 - (v - y)) + below * (v - y);
  });
}

/** Of a square picture: mean squared differences to the right, down, and along both diagonals. */
function energies(pixels: Float32Array): number[] {
  const steps: [number, number][] = [
    [0, 1],
    [1, 0],
    [1, -1],
    [1, 1],
  ];
  return steps.map(([down, right]) => {
    let sum = 0;
    let count = 0;
    for (let y = 0; y + down < patch; y++) {
      for (let x = Math.max(0, -right); x + Math.max(0, right) < patch; x++, count++) {
        const difference = (pixels[(y + down) * patch + x + right] ?? NaN) - (pixels[y * patch + x] ?? NaN);
        sum += difference ** 2;
      }
    }
    return sum / count;
  });
}

/** Share of the images that lie nearest to their class's mean, the means taken from the other half. */
function nearestCentroid(features: number[][], labels: number[]): number {
  const half = features.length / 2;
  const centroids = [0, 1, 2, 3].map(label => {
    const own = features.slice(0, half).filter((_, i) => labels[i] === label);
    return (features[0] ?? []).map((_, k) => own.reduce((sum, f) => sum + (f[k] ?? NaN), 0) / own.length);
  });
  const answers = features.slice(half).map(feature => {
    const distances = centroids.map(centre =>
      centre.reduce((sum, c, k) => sum + (c - (feature[k] ?? NaN)) ** 2, 0),
    );
    return distances.indexOf(Math.min(...distances));
  });
  return answers.filter((answer, i) => answer === labels[half + i]).length / half;
}

const data = make();
const samples = Array.from({ length: data.size }, (_, index) => {
  const { image, label } = readOne(data, index);
  return { image, label, ...data.place(index, 0) };
});
const labels = samples.map(({ label }) => label);

describe('KnownAnswerDataset', () => {
  it('is a function of seed, split, epoch and index alone', () => {
    expect(readOne(make(), 5)).toEqual(readOne(make(), 5));
    expect(readOne(make(), 5)).not.toEqual(readOne(make('test', 800, 4), 5));
    expect(readOne(make(), 5)).not.toEqual(readOne(make('validation'), 5));
    expect(readOne(make(), 5, 1)).toEqual(readOne(make(), 5, 2));
    expect(readOne(make('train'), 5, 1)).toEqual(readOne(make('train'), 5, 1));
    expect(readOne(make('train'), 5, 1)).not.toEqual(readOne(make('train'), 5, 2));
    const batch = new Float32Array(3 * side * side);
    data.read(Int32Array.of(9, 2, 5), 0, batch, new Int32Array(3));
    expect(batch.subarray(2 * side * side)).toEqual(readOne(data, 5).image);
  });

  it('keeps values in [0, 1], the place inside, and the patch there the brightest', () => {
    fc.assert(
      fc.property(fc.nat(799), fc.nat(9), (index, epoch) => {
        const train = make('train');
        const { image } = readOne(train, index, epoch);
        expect(image.every(value => value >= 0 && value <= 1)).toBe(true);
        const { row, column } = train.place(index, epoch);
        const mean = (values: Float32Array) => values.reduce((sum, value) => sum + value, 0) / values.length;
        let best = { mean: 0, row: -1, column: -1 };
        for (let y = 0; y <= side - patch; y++)
          for (let x = 0; x <= side - patch; x++) {
            const here = mean(crop(image, y, x));
            if (here > best.mean) best = { mean: here, row: y, column: x };
          }
        expect(Math.abs(best.row - row)).toBeLessThanOrEqual(1);
        expect(Math.abs(best.column - column)).toBeLessThanOrEqual(1);
      }),
      { numRuns: 20 },
    );
  });

  it('uses the whole image and every class alike', () => {
    for (const places of [samples.map(({ row }) => row), samples.map(({ column }) => column)]) {
      expect(Math.min(...places)).toBe(0);
      expect(Math.max(...places)).toBe(side - patch);
    }
    for (const label of [0, 1, 2, 3]) expect(labels.filter(other => other === label)).toHaveLength(200);
  });

  it('shows the place in the glance', () => {
    const found = samples.filter(({ image, row, column }) => {
      const bright = [...glance(image)].flatMap((value, i) => (value > 0.5 ? [i] : []));
      const centre = (line: (i: number) => number) =>
        (bright.reduce((sum, i) => sum + line(i), 0) / bright.length) * ((side - 1) / (patch - 1));
      const offsets = [centre(i => Math.floor(i / patch)) - row, centre(i => i % patch) - column];
      return offsets.every(offset => Math.abs(offset - (patch - 1) / 2) < 3);
    });
    expect(found.length / samples.length).toBeGreaterThan(0.99);
  });

  it('tells the class in the right crop, and nowhere else', () => {
    const right = nearestCentroid(
      samples.map(({ image, row, column }) => energies(crop(image, row, column))),
      labels,
    );
    expect(right).toBeGreaterThan(0.97);
    // A chance of 1/4 in 400 images: standard error 2.2 %.
    const away = samples.map(({ image, row, column }) => {
      const opposite = (at: number) => (at < (side - patch) / 2 ? side - patch : 0);
      return energies(crop(image, opposite(row), opposite(column)));
    });
    expect(nearestCentroid(away, labels)).toBeLessThan(0.33);
    const glances = samples.map(({ image }) => glance(image));
    expect(nearestCentroid(glances.map(energies), labels)).toBeLessThan(0.33);
    expect(
      nearestCentroid(
        glances.map(pixels => [...pixels]),
        labels,
      ),
    ).toBeLessThan(0.33);
  });

  it('hides the stripes from the glance: around the place it reads flat brightness and noise', () => {
    for (const { image, row, column } of samples) {
      const step = (side - 1) / (patch - 1);
      const inside = [...glance(image)].filter((_, i) =>
        [Math.floor(i / patch) * step - row, (i % patch) * step - column].every(
          at => at >= 0 && at <= patch - 1,
        ),
      );
      expect(inside.length).toBeGreaterThan(0);
      expect(Math.max(...inside) - Math.min(...inside)).toBeLessThan(0.11);
    }
  });

  it('opens from a configuration: sizes, seed, side, patch and classes as given', () => {
    const { train, validation, test } = openData(
      DataConfig.parse({
        kind: 'known-answer',
        seed: 3,
        train: 30,
        validation: 20,
        test: 10,
        side: 30,
        patch: 10,
        classes: 2,
      }),
    );
    expect([train.size, validation.size, test.size]).toEqual([30, 20, 10]);
    expect([train.name, validation.name, test.name]).toEqual(
      ['train', 'validation', 'test'].map(part => `known-answer/${part}`),
    );
    expect(train.classes).toEqual(['horizontal', 'vertical']);
    const image = new Float32Array(30 * 30);
    for (const set of [train, validation, test]) {
      expect(set.shape).toEqual({ height: 30, width: 30, channels: 1 });
      // The informative patch, ten pixels wide, is the only thing so bright.
      void set.read(Int32Array.of(7), 0, image, new Int32Array(1));
      const columns = [...image].flatMap((value, i) => (value > 0.65 ? [i % 30] : []));
      expect(Math.max(...columns) - Math.min(...columns) + 1).toBeLessThanOrEqual(10);
      expect(Math.max(...columns) - Math.min(...columns) + 1).toBeGreaterThanOrEqual(8);
    }
    expect(openData(DataConfig.parse({ kind: 'known-answer' })).test.shape.height).toBe(side);
  });

  it.each([
    [{ side: 35 }, 'side'],
    [{ side: 48.5 }, 'side'],
    [{ patch: 1 }, 'patch'],
    [{ classes: 5 }, 'classes'],
    [{ classes: 1 }, 'classes'],
    [{ train: 0 }, 'train'],
  ])('refuses %j, naming the key', (options, key) => {
    const { error } = DataConfig.safeParse({ kind: 'known-answer', ...options });
    expect(error?.issues.map(({ path }) => path)).toEqual([[key]]);
  });
});
