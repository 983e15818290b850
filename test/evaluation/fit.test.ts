import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/errors/index.js';
import {
  beliefsOf,
  candidates,
  commonThreshold,
  efficient,
  exits,
  exitShares,
  fitAccuracy,
  fitBudget,
  fitTime,
  readEvidence,
  thresholdsForShares,
  type AnytimeOutputs,
} from '../../src/evaluation/index.js';
import type { Choice } from '../../src/evaluation/fit.js';
import { modelOutputs, rightness, tiedOutputs } from './synthetic.js';

/** With what was right for what is expected to be. */
function choicesOf(outputs: AnytimeOutputs): Choice[] {
  const evidence = readEvidence(outputs);
  return candidates(evidence, rightness(evidence));
}

describe('fitBudget', () => {
  it('meets every budget from the glance up, with accuracy that never falls as the budget grows', () => {
    fc.assert(
      fc.property(tiedOutputs, fc.array(fc.double({ min: 0, max: 1, noNaN: true })), (outputs, parts) => {
        const evidence = readEvidence(outputs);
        const choices = candidates(evidence, rightness(evidence));
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
    const choices = candidates(evidence, rightness(evidence));
    const rivals = [commonThreshold(0.975, 3), thresholdsForShares(evidence, exitShares(13, 3))];
    for (const rival of rivals.map(thresholds => exits(evidence, thresholds))) {
      expect(fitBudget(choices, rival.meanMultiAdds).accuracy).toBeGreaterThanOrEqual(rival.accuracy);
    }
  });

  it('by how likely answers are right rather than by whether they were, loses less on other images', () => {
    const steps = [2, 2.6, 2.8, 2.9];
    const other = readEvidence(modelOutputs(1000, 20_000, steps));
    const lost = { belief: 0, rightness: 0 };
    for (let seed = 0; seed < 20; seed++) {
      const outputs = modelOutputs(seed, 200, steps);
      const few = readEvidence(outputs);
      const by = { belief: candidates(few, beliefsOf(outputs)), rightness: choicesOf(outputs) };
      for (const budget of [12e6, 18e6, 30e6]) {
        for (const way of ['belief', 'rightness'] as const)
          lost[way] += exits(other, fitBudget(by[way], budget).thresholds).drop.mean / 60;
      }
    }
    expect(lost.belief).toBeLessThan(0.8 * lost.rightness);
  });

  it('takes the accuracy that was measured where none was expected', () => {
    const [first, second] = choicesOf(modelOutputs(5, 100, [2, 3]));
    const measured = [first, second].map(choice => ({ accuracy: choice?.accuracy ?? 0, meanMultiAdds: 1 }));
    expect(fitBudget(measured, 1).accuracy).toBe(Math.max(...measured.map(({ accuracy }) => accuracy)));
    const expected = measured.map(({ accuracy }) => ({ accuracy, expected: 1 - accuracy, meanMultiAdds: 1 }));
    expect(fitBudget(expected, 1).accuracy).toBe(Math.min(...measured.map(({ accuracy }) => accuracy)));
  });

  it('says what the least budget is', () => {
    const choices = choicesOf(modelOutputs(5, 100, [2, 3]));
    expect(() => fitBudget(choices, 8e6)).toThrow(UsageError);
    expect(() => fitBudget(choices, 8e6)).toThrow('at least 9000000');
  });
});

/** Milliseconds of each step. */
const stepTimes = fc.array(fc.double({ min: 0.01, max: 20, noNaN: true }), { minLength: 5, maxLength: 5 });

describe('fitTime', () => {
  it('finds the most accurate choice in time, as image after image tells', () => {
    fc.assert(
      fc.property(
        tiedOutputs,
        stepTimes,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (outputs, times, part) => {
          const { steps, labels } = readEvidence(outputs);
          const choices = choicesOf(outputs);
          const simulated = choices.map(({ thresholds }) => {
            let [right, time] = [0, 0];
            labels.forEach((_, i) => {
              for (const [t, { confidence, correct }] of steps.entries()) {
                time += times[t] ?? NaN;
                if (t < steps.length - 1 && (confidence[i] ?? NaN) < (thresholds[t] ?? NaN)) continue;
                right += correct[i] ?? NaN;
                break;
              }
            });
            return { accuracy: right / labels.length, time: time / labels.length };
          });
          const [glance = 0] = times;
          const all = times.slice(0, steps.length).reduce((a, b) => a + b);
          // Beside what some choice takes exactly, where rounding would decide.
          const budget = (glance + part * (all - glance)) * (1 + 1e-9);
          const best = Math.max(
            ...simulated.filter(({ time }) => time <= budget).map(({ accuracy }) => accuracy),
          );
          const given = choices.indexOf(fitTime(choices, budget, times));
          expect(simulated[given]?.accuracy).toBeCloseTo(best, 9);
          expect(simulated[given]?.time).toBeLessThanOrEqual(budget * (1 + 1e-9));
        },
      ),
    );
  });

  it('gives what the budget of Multi-Adds gives where each takes the same time', () => {
    const choices = choicesOf(modelOutputs(5, 2000, [2, 3, 4]));
    for (const budget of [9e6, 12e6, 20e6, 30e6])
      expect(fitTime(choices, budget / 1e6 + 1e-9, [9, 9.5, 9.5]).accuracy).toBe(
        fitBudget(choices, budget).accuracy,
      );
  });

  it('says what the least budget is', () => {
    const choices = choicesOf(modelOutputs(5, 100, [2, 3]));
    expect(() => fitTime(choices, 1, [1.234567, 1])).toThrow(/at least 1\.23 ms/);
  });
});

describe('efficient', () => {
  it('keeps what any budget picks, whatever the steps cost', () => {
    fc.assert(
      fc.property(
        tiedOutputs,
        stepTimes,
        fc.array(fc.double({ min: 0, max: 1, noNaN: true })),
        (outputs, times, parts) => {
          const choices = choicesOf(outputs);
          const kept = efficient(choices);
          expect(kept.length).toBeLessThan(choices.length);
          const [glance = 0] = times;
          const all = times.reduce((a, b) => a + b);
          for (const part of parts) {
            const budget = (glance + part * (all - glance)) * (1 + 1e-6);
            expect(fitTime(kept, budget, times).accuracy).toBe(fitTime(choices, budget, times).accuracy);
          }
        },
      ),
    );
  });
});

describe('fitAccuracy', () => {
  it('keeps the accuracy of all steps within the drop', () => {
    fc.assert(
      fc.property(tiedOutputs, fc.constantFrom(0, 0.002, 0.1), (outputs, drop) => {
        const evidence = readEvidence(outputs);
        const all = evidence.last.correct.reduce((a, b) => a + b, 0) / evidence.labels.length;
        expect(fitAccuracy(candidates(evidence, rightness(evidence)), drop).accuracy).toBeGreaterThanOrEqual(
          all - drop - 1e-6,
        );
      }),
    );
  });

  it('stops at the glance where the glance is as good', () => {
    const { logits, ...rest } = modelOutputs(5, 100, [3]);
    const twice = readEvidence({ ...rest, logits: [...logits, ...logits], multiAdds: [10, 10] });
    expect(fitAccuracy(candidates(twice, rightness(twice)), 0).meanSteps).toBe(1);
  });

  it('takes more steps for a smaller drop', () => {
    const choices = choicesOf(modelOutputs(6, 2000, [1, 2, 3, 4]));
    const costs = [0.2, 0.05, 0.002].map(drop => fitAccuracy(choices, drop).meanMultiAdds);
    expect(costs).toEqual([...costs].sort((a, b) => a - b));
    expect(new Set(costs).size).toBe(3);
  });
});
