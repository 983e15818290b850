import { describe, expect, it } from 'vitest';
import {
  beliefsOf,
  candidates,
  exits,
  fitBudget,
  fitLatency,
  readEvidence,
} from '../../src/evaluation/index.js';
import { modelOutputs } from './synthetic.js';

const validation = modelOutputs(1, 600, [2, 3, 4, 5]);
const test = modelOutputs(2, 600, [2, 3, 4, 5]);
const machine = { machine: 'a machine', images: 10 };

describe('early exit within milliseconds', () => {
  it('is that within Multi-Adds where time goes with them', () => {
    const perMillisecond = 5e6;
    const steps = validation.multiAdds.map(cost => cost / perMillisecond);
    const budget = 3.5;
    const [point] = fitLatency(validation, test, { ...machine, steps }, [budget]).budgets;
    const counted = fitBudget(
      candidates(readEvidence(validation), beliefsOf(validation)),
      budget * perMillisecond,
    );
    const expected = exits(readEvidence(test), counted.thresholds);
    expect(point?.thresholds).toEqual(expected.thresholds);
    expect(point?.accuracy).toBe(expected.accuracy);
    expect(point?.meanMilliseconds).toBeCloseTo(expected.meanMultiAdds / perMillisecond, 9);
  });

  it('goes by the clock where Multi-Adds say something else, and adds up the steps that were taken', () => {
    // The second step is next to free; the third and fourth are dear.
    const steps = [2, 0.01, 10, 10];
    const { budgets, curve } = fitLatency(validation, test, { ...machine, steps }, [6, 12]);
    for (const { exitShares, meanMilliseconds } of [...budgets, ...curve]) {
      const [a = 0, b = 0, c = 0, d = 0] = exitShares;
      expect(meanMilliseconds).toBeCloseTo(2 * a + 2.01 * b + 12.01 * c + 22.01 * d, 9);
    }
    const [small] = budgets;
    expect(small?.exitShares[1]).toBeGreaterThan(0.2);
    expect(small?.meanMilliseconds).toBeLessThan(6.6);
  });

  it('refuses less than the glance takes', () => {
    expect(() => fitLatency(validation, test, { ...machine, steps: [2, 1, 1, 1] }, [1.5])).toThrow(
      /below the cost of the glance/,
    );
  });
});
