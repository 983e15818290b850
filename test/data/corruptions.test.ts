import { describe, expect, it } from 'vitest';
import { corrupted, corruptionNames, severities, type Severity } from '../../src/data/corruptions/index.js';
import { motion } from '../../src/data/corruptions/kernels.js';
import type { CorruptionName } from '../../src/data/corruptions/severities.js';
import type { Dataset } from '../../src/data/dataset.js';
import { startEngine } from '../../src/engine/start.js';
import { fixture } from '../helpers/pytorch.js';

startEngine();

/** One image over and over. */
function setOf(pixels: Float32Array, side: number, channels: number, size = 1): Dataset {
  return {
    name: 'one',
    size,
    classes: ['a', 'b'],
    label: () => 1,
    shape: { height: side, width: side, channels },
    read: (indices, _epoch, images, labels) => {
      indices.forEach((_, i) => images.set(pixels, i * pixels.length));
      labels.fill(1);
    },
    source: index => index % 3,
  };
}

async function read(set: Dataset, index = 0): Promise<Float32Array> {
  const { height, width, channels } = set.shape;
  const images = new Float32Array(height * width * channels);
  await set.read(Int32Array.of(index), 0, images, new Int32Array(1));
  return images;
}

describe.each([24, 130])('corruptions that draw nothing, of %i pixels, as in PyTorch and Pillow', side => {
  const stored = fixture('corruptions');
  const image = Float32Array.from(stored.tensor(`${side}/image`).dataSync(), byte => byte / 255);
  const stride = side === 24 ? 1 : 6;
  const kept = Math.ceil(side / stride);

  // Theirs are cut to bytes here; codecs differ by a level or two, more at an edge.
  const tolerances = { 'defocus blur': 1.01, contrast: 1.01, brightness: 1.01, jpeg: 3 } as const;

  describe.each(Object.entries(tolerances))('%s', (name, tolerance) => {
    it.each(severities)('severity %i', async severity => {
      const found = await read(corrupted(setOf(image, side, 3), name as CorruptionName, severity));
      const expected = stored.tensor(`${side}/${name}/${severity}`).dataSync();
      let [worst, total] = [0, 0];
      for (let y = 0; y < kept; y++) {
        for (let x = 0; x < 3 * kept; x++) {
          const at = (stride * y * side + stride * Math.floor(x / 3)) * 3 + (x % 3);
          const off = 255 * Math.abs((found[at] ?? NaN) - (expected[y * 3 * kept + x] ?? NaN));
          worst = Math.max(worst, off);
          total += off;
        }
      }
      expect(name === 'jpeg' ? total / (3 * kept * kept) : worst).toBeLessThan(tolerance);
    });
  });
});

describe('corruptions that draw', () => {
  const side = 60;
  const grey = new Float32Array(side * side).fill(0.5);
  const moments = (values: Float32Array) => {
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (values.length - 1);
    return { mean, deviation: Math.sqrt(variance) };
  };
  const made = (name: CorruptionName, severity: Severity) =>
    read(corrupted(setOf(grey, side, 1), name, severity));

  it.each([...[0.04, 0.06, 0.08, 0.09, 0.1].entries()])(
    'gaussian noise %i has its deviation',
    async (i, deviation) => {
      const found = moments(await made('gaussian noise', (i + 1) as Severity));
      expect(found.mean).toBeCloseTo(0.5, 1.9);
      expect(found.deviation / deviation).toBeCloseTo(1, 1);
    },
  );

  it.each([...[500, 250, 100, 75, 50].entries()])(
    'shot noise %i has the deviation of its photons',
    async (i, photons) => {
      const found = moments(await made('shot noise', (i + 1) as Severity));
      expect(found.mean).toBeCloseTo(0.5, 1.9);
      expect(found.deviation / Math.sqrt(0.5 / photons)).toBeCloseTo(1, 1);
    },
  );

  it.each([...[0.01, 0.02, 0.03, 0.05, 0.07].entries()])(
    'impulse noise %i replaces its share',
    async (i, share) => {
      const values = await made('impulse noise', (i + 1) as Severity);
      const count = (value: number) => values.filter(v => v === value).length / values.length;
      const slack = 4 * Math.sqrt(share / values.length);
      expect(Math.abs(count(0) + count(1) - share)).toBeLessThan(slack);
      expect(Math.abs(count(0) - count(1))).toBeLessThan(slack);
    },
  );

  it('translation moves the image by its share of the side and repeats the border', async () => {
    const dot = new Float32Array(side * side);
    dot[30 * side + 30] = 1;
    for (const severity of severities) {
      const set = corrupted(setOf(dot, side, 1, 50), 'translation', severity);
      for (let index = 0; index < 50; index++) {
        const at = (await read(set, index)).indexOf(1);
        const distance = Math.hypot(Math.floor(at / side) - 30, (at % side) - 30);
        expect(Math.abs(distance - 0.02 * severity * side)).toBeLessThan(0.8);
      }
    }
    expect(await made('translation', 5)).toEqual(grey.map(value => Math.floor(255 * value) / 255));
  });

  it('motion blur lays half a Gaussian along its line', () => {
    const taps = motion(6, 1.5, 30);
    expect(taps).toHaveLength(13);
    expect(taps.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(1, 12);
    for (const [i, { x, y, weight }] of taps.entries()) {
      expect(Math.hypot(x - i * Math.cos(Math.PI / 6), y - i * Math.sin(Math.PI / 6))).toBeLessThan(0.8);
      expect(weight / (taps[0]?.weight ?? NaN)).toBeCloseTo(Math.exp(-(i ** 2) / (2 * 1.5 ** 2)), 10);
    }
  });

  it.each(corruptionNames)(
    '%s is a function of the index, keeps labels and sources, and stays in [0, 1]',
    async name => {
      const ramp = Float32Array.from({ length: side * side }, (_, i) => (i % 256) / 255);
      const set = corrupted(setOf(ramp, side, 1, 10), name, 5);
      const first = await read(set, 4);
      await read(set, 5);
      expect(await read(set, 4)).toEqual(first);
      expect(first).not.toEqual(ramp);
      expect(first.every(value => value >= 0 && value <= 1)).toBe(true);
      expect(set.source?.(4)).toBe(1);
      const labels = new Int32Array(2);
      await set.read(Int32Array.of(0, 1), 0, new Float32Array(2 * side * side), labels);
      expect([...labels]).toEqual([1, 1]);
    },
  );
});
