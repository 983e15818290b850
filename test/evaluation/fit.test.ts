import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/errors/index.js';
import {
  candidates,
  commonThreshold,
  exits,
  exitShares,
  fitAccuracy,
  fitBudget,
  readEvidence,
  thresholdsForShares,
} from '../../src/evaluation/index.js';
import { modelOutputs, tiedOutputs } from './synthetic.js';

describe('fitBudget', () => {
  it('meets every budget from the glance up, with accuracy that never falls as the budget grows', () => {
    fc.assert(
      fc.property(tiedOutputs, fc.array(fc.double({ min: 0, max: 1, noNaN: true })), (outputs, parts) => {
        const evidence = readEvidence(outputs);
        const choices = candidates(evidence);
        const glance = evidence.steps[0]?.multiAdds ?? 0;
        let before = 0;
        for (const part of parts.sort((a, b) => a - b)) {
          const budget = glance + part * (evidence.last.multiAdds - glance);
          const { thresholds, accuracy } = fitBudget(choices, budget);
          expect(exits(evidence, thresholds).meanMultiAdds).toBeLessThanOrEqual(budget);
          expect(accuracy).toBeGreaterThanOrEqual(before);
          before = accuracy;
        }
      }),
    );
  });

  it('is at least as accurate as any exit shares or common threshold of the same cost', () => {
    const evidence = readEvidence(modelOutputs(5, 2000, [2, 3, 4]));
    const choices = candidates(evidence);
    const rivals = [commonThreshold(0.975, 3), thresholdsForShares(evidence, exitShares(13, 3))];
    for (const rival of rivals.map(thresholds => exits(evidence, thresholds))) {
      expect(fitBudget(choices, rival.meanMultiAdds).accuracy).toBeGreaterThanOrEqual(rival.accuracy);
    }
  });

  it('says what the least budget is', () => {
    const choices = candidates(readEvidence(modelOutputs(5, 100, [2, 3])));
    expect(() => fitBudget(choices, 8e6)).toThrow(UsageError);
    expect(() => fitBudget(choices, 8e6)).toThrow('at least 9000000');
  });
});

describe('fitAccuracy', () => {
  it('keeps the accuracy of all steps within the drop', () => {
    fc.assert(
      fc.property(tiedOutputs, fc.constantFrom(0, 0.002, 0.1), (outputs, drop) => {
        const evidence = readEvidence(outputs);
        const all = evidence.last.correct.reduce((a, b) => a + b, 0) / evidence.labels.length;
        expect(fitAccuracy(candidates(evidence), drop).accuracy).toBeGreaterThanOrEqual(all - drop - 1e-6);
      }),
    );
  });

  it('stops at the glance where the glance is as good', () => {
    const { logits, ...rest } = modelOutputs(5, 100, [3]);
    const twice = readEvidence({ ...rest, logits: [...logits, ...logits], multiAdds: [10, 10] });
    expect(fitAccuracy(candidates(twice), 0).meanSteps).toBe(1);
  });

  it('takes more steps for a smaller drop', () => {
    const choices = candidates(readEvidence(modelOutputs(6, 2000, [1, 2, 3, 4])));
    const costs = [0.2, 0.05, 0.002].map(drop => fitAccuracy(choices, drop).meanMultiAdds);
    expect(costs).toEqual([...costs].sort((a, b) => a - b));
    expect(new Set(costs).size).toBe(3);
  });
});
