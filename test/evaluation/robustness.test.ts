import { describe, expect, it } from 'vitest';
import { commonThreshold, exits, proportion, readEvidence } from '../../src/evaluation/index.js';
import { degradations } from '../../src/evaluation/robustness.js';
import { modelOutputs } from './synthetic.js';

describe('degradations', () => {
  it('judge every set under the same thresholds', () => {
    const thresholds = commonThreshold(0.9, 3);
    const sets = [4, 2.5, 1].map((strength, severity) => ({
      corruption: 'noise',
      severity,
      outputs: modelOutputs(severity, 800, [strength, strength + 1, strength + 2]),
    }));
    const rows = degradations(sets, thresholds);
    for (const [i, row] of rows.entries()) {
      const evidence = readEvidence((sets[i] ?? sets[0])?.outputs ?? modelOutputs(0, 2, [1]));
      expect(row.early).toEqual(exits(evidence, thresholds));
      expect(row.allSteps).toEqual(proportion(evidence.last.correct, evidence.sources));
      expect(row.severity).toBe(i);
    }
    const steps = rows.map(({ early }) => early.meanSteps);
    expect(steps).toEqual([...steps].sort((a, b) => a - b));
  });
});
