import { describe, expect, it } from 'vitest';
import type { Batch } from '../../src/data/loader.js';
import { beta, stream } from '../../src/random/index.js';
import { blended, mixed, pasted } from '../../training/mix.js';
import { evenly, targetsOf } from '../../training/targets.js';
import { finetuning } from './support.js';

const side = 6;

function close(actual: ArrayLike<number>, expected: readonly number[]): void {
  expect(actual.length).toBe(expected.length);
  expected.forEach((value, i) => expect(actual[i]).toBeCloseTo(value, 6));
}

function batchOf({ images, labels }: { images: number[]; labels: number[] }): Batch {
  const size = labels.length;
  return {
    images: Float32Array.from(images),
    labels: Int32Array.from(labels),
    indices: new Int32Array(size),
    size,
  };
}

it.each(finetuning.mixed)('$kind with a share of $share, at ($row, $column), is torchvision’s', f => {
  const batch = batchOf(f);
  const { images, ...labels } =
    f.kind === 'mixup' ? blended(batch, f.share) : pasted(batch, side, f.share, f);
  close(images, f.expected);
  close(targetsOf(labels, evenly(['a', 'b', 'c']), 0).targets, f.targets.flat());
});

describe('a batch', () => {
  const [example] = finetuning.mixed;
  const batch = batchOf(example ?? { images: [], labels: [] });
  const shares = (options: { mixup: number; cutmix: number }): (number | undefined)[] =>
    Array.from({ length: 50 }, (_, i) => mixed(batch, side, options, stream(1, 'mix', i)).share);

  it('is mixed in one way or the other, the same for the same stream, or not at all', () => {
    const both = { mixup: 0.2, cutmix: 1 };
    expect(shares(both)).toEqual(shares(both));
    expect(mixed(batch, side, { mixup: 0, cutmix: 0 }, stream(1))).toBe(batch);
    // CutMix's shares are of 36 pixels.
    const cuts = shares(both).filter(share => Number.isInteger(Math.round(36e6 * (share ?? 0)) / 1e6));
    expect(cuts.length).toBeGreaterThan(15);
    expect(shares({ mixup: 1, cutmix: 0 }).some(share => share === undefined)).toBe(false);
  });
});

describe('Beta(alpha, alpha)', () => {
  const draws = (alpha: number): number[] => {
    const random = stream(1, 'beta', alpha);
    return Array.from({ length: 20_000 }, () => beta(random, alpha)).sort((a, b) => a - b);
  };

  it.each([
    [0.5, (x: number) => (2 / Math.PI) * Math.asin(Math.sqrt(x))],
    [1, (x: number) => x],
    [2, (x: number) => x * x * (3 - 2 * x)],
  ])('has the distribution of alpha %d', (alpha, cumulative) => {
    const sorted = draws(alpha);
    const farthest = Math.max(...sorted.map((x, i) => Math.abs(cumulative(x) - (i + 0.5) / sorted.length)));
    // Kolmogorov and Smirnov's bound at a level of 0.001.
    expect(farthest).toBeLessThan(1.95 / Math.sqrt(sorted.length));
  });

  it('is within [0, 1] for very small alpha', () => {
    const sorted = draws(0.001);
    expect(sorted.every(x => x >= 0 && x <= 1)).toBe(true);
    expect(sorted.filter(x => x < 0.5).length / sorted.length).toBeCloseTo(0.5, 1);
  });
});
