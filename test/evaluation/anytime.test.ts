import { describe, expect, it } from 'vitest';
import { DataError } from '../../src/errors/index.js';
import { anytime, confusion, looks, readEvidence, type AnytimeOutputs } from '../../src/evaluation/index.js';

/** Two steps on four images of two classes: 2 of 4 right after the first, 3 of 4 after the second. */
const outputs: AnytimeOutputs = {
  logits: [Float32Array.of(1, 0, 0, 1, 1, 0, 0, 1), Float32Array.of(1, 0, 1, 0, 1, 0, 0, 1)],
  labels: Int32Array.of(0, 0, 1, 1),
  classes: 2,
  multiAdds: [100, 30],
};

describe('anytime', () => {
  it('gives accuracy against the Multi-Adds spent so far', () => {
    expect(anytime(readEvidence(outputs))).toEqual([
      {
        step: 1,
        multiAdds: 100,
        accuracy: 0.5,
        standardError: expect.closeTo(Math.sqrt(0.25 / 3), 10) as number,
      },
      { step: 2, multiAdds: 130, accuracy: 0.75, standardError: expect.closeTo(0.25, 10) as number },
    ]);
  });

  it('counts confusions as [true class][predicted class]', () => {
    const evidence = readEvidence(outputs);
    expect(evidence.steps.map(step => confusion(evidence, step))).toEqual([
      [
        [1, 1],
        [1, 1],
      ],
      [
        [2, 0],
        [1, 1],
      ],
    ]);
  });

  it('refuses outputs that do not fit together', () => {
    const bad: Partial<AnytimeOutputs>[] = [
      { labels: Int32Array.of(0, 0, 1) },
      { labels: Int32Array.of(0, 0, 1, 2) },
      { multiAdds: [100] },
      { sources: Int32Array.of(1, 2) },
      { sources: Int32Array.of(5, 5, 5, 5) },
      { logits: [], multiAdds: [] },
    ];
    for (const part of bad) expect(() => readEvidence({ ...outputs, ...part })).toThrow(DataError);
  });
});

describe('looks', () => {
  it('is a histogram of rows and columns for each step that chose a place', () => {
    const actions = [null, Float32Array.of(0, 0, 0, 0.999, 1, 1, 0.5, 0)];
    const [look, ...others] = looks({ ...outputs, actions });
    expect(others).toEqual([]);
    expect(look?.step).toBe(2);
    const cells = look?.grid.flatMap((row, r) => row.map((share, c) => ({ r, c, share }))) ?? [];
    expect(cells.filter(({ share }) => share > 0)).toEqual([
      { r: 0, c: 0, share: 0.25 },
      { r: 0, c: 11, share: 0.25 },
      { r: 6, c: 0, share: 0.25 },
      { r: 11, c: 11, share: 0.25 },
    ]);
  });

  it('is kept class by class, and says how far each look is from the one before', () => {
    const actions = [
      null,
      Float32Array.of(0, 0, 0, 0.999, 1, 1, 0.5, 0),
      Float32Array.of(0.3, 0.4, 0, 0.999, 1, 0, 0.5, 0.1),
    ];
    const three = {
      ...outputs,
      logits: [...outputs.logits, ...outputs.logits.slice(1)],
      multiAdds: [100, 30, 30],
      actions,
    };
    const [first, second] = looks(three);
    expect(first?.moved).toBeNull();
    expect(second?.moved).toEqual({
      mean: expect.closeTo((0.5 + 0 + 1 + 0.1) / 4, 6) as number,
      median: expect.closeTo(0.1, 6) as number,
      ninth: expect.closeTo(1, 6) as number,
    });
    // Labels 0, 0, 1, 1.
    expect(first?.classes.map(grid => [grid[0]?.[0], grid[0]?.[11], grid[11]?.[11], grid[6]?.[0]])).toEqual([
      [0.5, 0.5, 0, 0],
      [0, 0, 0.5, 0.5],
    ]);
  });
});
