import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  commonThreshold,
  exits,
  exitShares,
  never,
  pricesFor,
  readEvidence,
  searchThresholds,
  thresholdsForShares,
  type Evidence,
} from '../../src/evaluation/index.js';
import { modelOutputs, rightness, tiedOutputs } from './synthetic.js';

function worthAt(evidence: Evidence, price: number, thresholds: readonly number[]): number {
  const { accuracy, meanMultiAdds } = exits(evidence, thresholds);
  const [glance = evidence.last] = evidence.steps;
  return accuracy - (price * meanMultiAdds) / (evidence.last.multiAdds - glance.multiAdds);
}

describe('searchThresholds', () => {
  it('finds thresholds none of which can be changed for the better', () => {
    fc.assert(
      fc.property(tiedOutputs, fc.double({ min: 0, max: 1, noNaN: true }), (outputs, price) => {
        const evidence = readEvidence(outputs);
        const worth = (thresholds: readonly number[]) => worthAt(evidence, price, thresholds);
        const [found = []] = searchThresholds(evidence, rightness(evidence), [price]);
        evidence.steps.slice(0, -1).forEach(({ confidence }, t) => {
          for (const other of [...confidence, never]) {
            expect(worth(found.with(t, other))).toBeLessThanOrEqual(worth(found) + 1e-6);
          }
        });
      }),
    );
  });

  it('spends less the dearer Multi-Adds are, and gives each choice once', () => {
    const evidence = readEvidence(modelOutputs(5, 2000, [2, 3, 4]));
    const found = searchThresholds(evidence, rightness(evidence), pricesFor(evidence));
    const costs = found.map(thresholds => exits(evidence, thresholds).meanMultiAdds);
    expect(costs).toEqual([...costs].sort((a, b) => b - a));
    expect(new Set(found.map(String)).size).toBe(found.length);
    expect(found.length).toBeGreaterThan(10);
  });

  it('is worth as much as any common threshold or exit shares, at its price', () => {
    const evidence = readEvidence(modelOutputs(6, 2000, [2, 3, 4]));
    for (const price of [0.01, 0.05, 0.2]) {
      const worth = (thresholds: readonly number[]) => worthAt(evidence, price, thresholds);
      const [found = []] = searchThresholds(evidence, rightness(evidence), [price]);
      for (const threshold of [0.5, 0.7, 0.9, 0.975, 0.99]) {
        expect(worth(found)).toBeGreaterThanOrEqual(worth(commonThreshold(threshold, 3)));
      }
      for (const p of [5, 13, 20, 30]) {
        expect(worth(found)).toBeGreaterThanOrEqual(worth(thresholdsForShares(evidence, exitShares(p, 3))));
      }
    }
  });

  it.each([
    [100, 1, 1],
    [1, 100, 1],
    [1, 1, 100],
  ])(
    'lets everyone leave at the glance when that is all that counts, whatever the steps cost: %j',
    (...multiAdds) => {
      const evidence = readEvidence({ ...modelOutputs(7, 2000, [2, 3, 4]), multiAdds });
      const cheapest = searchThresholds(evidence, rightness(evidence), pricesFor(evidence)).at(-1) ?? [];
      expect(exits(evidence, cheapest).meanSteps).toBe(1);
    },
  );

  it('leaves a model of one step as it is', () => {
    const evidence = readEvidence(modelOutputs(1, 50, [3]));
    expect(searchThresholds(evidence, rightness(evidence), pricesFor(evidence))).toEqual([[-1e8]]);
  });
});
