import { describe, expect, it } from 'vitest';
import {
  compareRuns,
  evaluateOutputs,
  parseComparison,
  readEvidence,
  type Judged,
} from '../../src/evaluation/index.js';
import { modelOutputs } from './synthetic.js';

function judged(name: string, seed: number, evidence: readonly number[], classes = 10): Judged {
  const learned = modelOutputs(seed, 400, evidence, classes);
  const results = evaluateOutputs({
    command: 'gfnet evaluate',
    seed: 1,
    model: {
      name,
      sha256: '',
      architecture: '',
      image: 60,
      patch: 28,
      steps: evidence.length,
      parameters: 1,
    },
    classes: Array.from({ length: classes }, (_, i) => String(i)),
    validation: { name: 'validation', outputs: modelOutputs(9, 400, evidence, classes) },
    test: { name: 'test', learned },
    promised: { maxDrop: 0.05, confidence: 0.9 },
  });
  return { name, results, evidence: readEvidence(learned) };
}

const good = judged('good', 2, [2, 3, 4, 5]);
const poor = judged('poor', 3, [1, 1.5, 2]);

describe('a comparison of runs', () => {
  const comparison = compareRuns('gfnet evaluate good poor', [good, poor]);
  const [first, second] = comparison.runs;

  it('keeps each run as it is by itself', () => {
    expect(comparison.runs.map(({ results }) => results)).toEqual([good.results, poor.results]);
    expect(parseComparison(JSON.stringify(comparison))).toEqual(comparison);
  });

  it('says by how much each is ahead of the first on the same images', () => {
    expect(first?.ahead.allSteps).toEqual({ mean: 0, interval: [0, 0] });
    const accuracy = ({ results }: Judged) => results.policies[0]?.steps.at(-1)?.accuracy ?? NaN;
    const { mean = NaN, interval: [low, high] = [NaN, NaN] } = second?.ahead.allSteps ?? {};
    expect(mean).toBeCloseTo(accuracy(poor) - accuracy(good), 12);
    expect(low).toBeLessThan(mean);
    expect(high).toBeGreaterThan(mean);
    expect(high).toBeLessThan(0);
    expect(second?.ahead.early.mean).toBeCloseTo(
      poor.results.fullAccuracy.accuracy - good.results.fullAccuracy.accuracy,
      12,
    );
  });

  it('holds each to the same budgets, from the glance to all steps of the dearest', () => {
    const { budgets } = comparison;
    expect(budgets[0]?.budget).toBe(9e6);
    expect(budgets.at(-1)?.budget).toBe(9e6 + 3 * 9.5e6);
    const best = budgets.at(-1)?.points.map(found => found?.accuracy ?? 0) ?? [];
    expect(best[0]).toBeGreaterThan(best[1] ?? 1);
    expect(budgets[0]?.points[0]?.meanSteps).toBe(1);
  });

  it('refuses runs on other images or classes', () => {
    const classes = judged('other', 2, [2, 3], 5);
    expect(() => compareRuns('', [good, classes])).toThrow(/not judged on the same images/);
    const fewer = { ...poor, evidence: { ...poor.evidence, sources: poor.evidence.sources.map(s => s + 1) } };
    expect(() => compareRuns('', [good, fewer])).toThrow(/not judged on the same images/);
  });
});
