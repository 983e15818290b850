import { describe, expect, it } from 'vitest';
import { RunError } from '../../src/errors/index.js';
import {
  commonThreshold,
  evaluateOutputs,
  exits,
  parseResults,
  readEvidence,
  withTiming,
} from '../../src/evaluation/index.js';
import { modelOutputs } from './synthetic.js';

const learned = modelOutputs(2, 1000, [3, 5, 6]);
const results = evaluateOutputs({
  command: 'gfnet evaluate runs/a',
  seed: 7,
  model: {
    name: 'small',
    sha256: 'f'.repeat(64),
    architecture: 'small, GRU 64',
    image: 60,
    patch: 28,
    steps: 3,
    parameters: 1000,
  },
  classes: Array.from('0123456789'),
  validation: { name: 'digits/validation', outputs: modelOutputs(1, 1000, [3, 5, 6]) },
  test: { name: 'digits/test', learned, others: { random: modelOutputs(3, 1000, [3, 3.5, 4]) } },
  statics: [{ name: 'full image', input: 60, outputs: modelOutputs(4, 1000, [4]) }],
  promised: { maxDrop: 0.02, confidence: 0.95 },
  budgets: [12e6, 20e6],
});

describe('evaluateOutputs', () => {
  it('reports each policy and static network that was given', () => {
    expect(results.policies.map(({ name, steps }) => [name, steps.length])).toEqual([
      ['learned', 3],
      ['random', 3],
    ]);
    expect(results.statics).toMatchObject([{ name: 'full image', input: 60, multiAdds: 9e6 }]);
    expect(results.test).toEqual({ name: 'digits/test', images: 1000, sources: 100 });
  });

  it('reports thresholds fitted on validation as they do on test', () => {
    const evidence = readEvidence(learned);
    for (const { budget, ...point } of results.budgets) {
      expect(point).toEqual(exits(evidence, point.thresholds));
      expect(point.meanMultiAdds).toBeLessThan(1.05 * budget);
    }
    const at = results.commonThresholds.find(({ threshold }) => threshold === 0.975);
    expect(at).toEqual({ threshold: 0.975, ...exits(evidence, commonThreshold(0.975, 3)) });
    expect(results.exitShares).toHaveLength(39);
  });

  it('states the cost of full accuracy relative to all steps', () => {
    const { meanMultiAdds, relativeCost } = results.fullAccuracy;
    expect(relativeCost).toBeCloseTo(meanMultiAdds / 28e6, 12);
    expect(relativeCost).toBeLessThan(1);
  });

  it('counts every test image once in the confusion matrix, the right ones on its diagonal', () => {
    const counts = results.confusion.flat();
    expect(counts.reduce((a, b) => a + b, 0)).toBe(1000);
    const right = results.confusion.reduce((sum, row, i) => sum + (row[i] ?? 0), 0);
    expect(results.policies[0]?.steps[2]?.accuracy).toBeCloseTo(right / 1000, 12);
  });

  it('compares measured with counted saving', () => {
    const { timing } = withTiming(results, {
      conditions: '2 threads',
      allStepsImagesPerSecond: 100,
      earlyExitImagesPerSecond: 100 / results.fullAccuracy.relativeCost / 2,
    });
    expect(timing?.ratio).toBeCloseTo(0.5, 12);
    expect(timing?.measuredSpeedup).toBeCloseTo((timing?.countedSpeedup ?? 0) / 2, 12);
  });
});

describe('parseResults', () => {
  it('reads back what was written', () => {
    expect(parseResults(JSON.stringify(results), 'results.json')).toEqual(results);
  });

  it.each([
    ['not JSON', '{'],
    ['another version', JSON.stringify({ ...results, version: 1 })],
    ['an unknown key', JSON.stringify({ ...results, extra: 1 })],
    [
      'an impossible accuracy',
      JSON.stringify({ ...results, statics: [{ ...results.statics[0], accuracy: 1.5 }] }),
    ],
  ])('refuses %s and names the file', (_, text) => {
    expect(() => parseResults(text, 'runs/a/results.json')).toThrow(RunError);
    expect(() => parseResults(text, 'runs/a/results.json')).toThrow('runs/a/results.json');
  });
});
