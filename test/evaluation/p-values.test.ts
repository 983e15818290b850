import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { betting, hoeffdingBentkus } from '../../src/evaluation/index.js';
import { stream } from '../../src/random/index.js';

interface Case {
  readonly losses: readonly (readonly [number, number])[];
  readonly limit: number;
  readonly betting: number;
  readonly hoeffdingBentkus?: number;
}

const cases = JSON.parse(
  readFileSync(join(import.meta.dirname, '../fixtures/pytorch/bounds.json'), 'utf8'),
) as readonly Case[];

describe.each(cases)('p-values of $losses against $limit', ({ losses, limit, ...expected }) => {
  it('betting is as computed in fractions', () => {
    expect(betting(losses, limit) / expected.betting).toBeCloseTo(1, 8);
  });

  it.runIf(expected.hoeffdingBentkus !== undefined)('Hoeffding-Bentkus is as computed in fractions', () => {
    expect(hoeffdingBentkus(losses, limit) / (expected.hoeffdingBentkus ?? NaN)).toBeCloseTo(1, 8);
  });
});

describe('p-values where the expected loss is the limit', () => {
  const limit = 0.05;
  /** Losses of mean 0.05: of 0 or 1, and of -1, 0 or 1. */
  const draws = {
    binary: (u: number) => Number(u < limit),
    signed: (u: number) => (u < 0.1 ? -1 : u < 0.25 ? 1 : 0),
  };
  const rejected = (test: typeof betting, draw: (u: number) => number, level: number): number => {
    const random = stream(11, 'p-values', level);
    let count = 0;
    for (let trial = 0; trial < 3000; trial++) {
      const counts = new Map<number, number>();
      for (let i = 0; i < 200; i++) {
        const loss = draw(random());
        counts.set(loss, (counts.get(loss) ?? 0) + 1);
      }
      count += Number(test([...counts], limit) <= level);
    }
    return count / 3000;
  };

  it.each([0.05, 0.2, 0.5])('are at most %f no more often than that', level => {
    const slack = 3 * Math.sqrt((level * (1 - level)) / 3000);
    expect(rejected(hoeffdingBentkus, draws.binary, level)).toBeLessThanOrEqual(level + slack);
    expect(rejected(betting, draws.binary, level)).toBeLessThanOrEqual(level + slack);
    expect(rejected(betting, draws.signed, level)).toBeLessThanOrEqual(level + slack);
  });

  it('fall once the expected loss is below it', () => {
    const half = (u: number) => Number(u < limit / 5);
    expect(rejected(hoeffdingBentkus, half, 0.05)).toBeGreaterThan(0.5);
    expect(rejected(betting, half, 0.05)).toBeGreaterThan(0.5);
  });
});
