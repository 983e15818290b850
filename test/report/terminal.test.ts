import { describe, expect, it } from 'vitest';
import { multiAdds, threshold } from '../../src/report/format.js';
import { renderTerminal } from '../../src/report/index.js';
import { resultsOf } from './results.js';

describe('the terminal view', () => {
  const results = resultsOf();
  const lines = renderTerminal(results).split('\n');
  const row = (start: string) => lines.find(line => line.trimStart().startsWith(start)) ?? '';

  it('gives the error of each policy after each step in aligned columns', () => {
    for (const { name, steps } of results.policies) {
      const cells = row(name)
        .trim()
        .split(/\s{2,}/)
        .slice(1);
      const expected = steps.map(
        ({ accuracy, standardError }) =>
          `${((1 - accuracy) * 100).toFixed(2)} ± ${(standardError * 100).toFixed(2)}`,
      );
      expect(cells).toEqual(expected);
    }
    const ends = ['learned', 'random', 'centre', 'Places', 'Multi-Adds so far'].map(name => row(name).length);
    expect(new Set(ends).size).toBe(1);
  });

  it('has a row for each budget and each common threshold', () => {
    const after = (title: string) => {
      const start = lines.findIndex(line => line.startsWith(title)) + 2;
      return lines.slice(start, lines.indexOf('', start));
    };
    expect(after('Budgets')).toHaveLength(results.budgets.length);
    expect(after('One threshold')).toHaveLength(results.commonThresholds.length);
  });

  it('ends with what early exit saves', () => {
    expect(lines.at(-2)).toContain(
      `${(100 * results.fullAccuracy.relativeCost).toFixed(1)} % of all steps' Multi-Adds`,
    );
    expect(lines.at(-1)).toBe('');
  });
});

describe('numbers', () => {
  it.each([
    [9_312_000, '9.31 M'],
    [37_500_000, '37.5 M'],
    [1_230_000_000, '1.23 G'],
    [4_560, '4.56 k'],
    [999, '999'],
  ])('writes %d Multi-Adds as %s', (value, text) => {
    expect(multiAdds(value)).toBe(text);
  });

  it('names the thresholds that nobody and everybody reaches', () => {
    expect([1e8, -1e8, Math.fround(0.975)].map(threshold)).toEqual(['never', 'always', '0.975']);
  });
});
