import { describe, expect, it } from 'vitest';
import {
  bootstrapIntervals,
  comparePolicies,
  exitSteps,
  perClass,
  proportion,
  readEvidence,
  sumBySource,
} from '../../src/evaluation/index.js';
import { stream } from '../../src/random/index.js';
import { modelOutputs } from './synthetic.js';

describe('bootstrap intervals', () => {
  const random = stream(9, 'bits');
  // Ten images of each of 400 sources, which are right together more often than not.
  const sources = Int32Array.from({ length: 4000 }, (_, i) => Math.floor(i / 10));
  const ease = Float32Array.from({ length: 400 }, () => random() ** 0.2);
  const right = Uint8Array.from(sources, source => Number(random() < (ease[source] ?? 0)));

  it('are as wide as the cluster-robust standard error says, where many sources make it normal', () => {
    const [interval = [NaN, NaN]] = bootstrapIntervals(sumBySource([right], sources), stream(1, 'draws'));
    const { accuracy, standardError } = proportion(right, sources);
    const ratio = (interval[1] - interval[0]) / (2 * 1.96 * standardError);
    expect(Math.abs(ratio - 1)).toBeLessThan(0.1);
    expect((interval[0] + interval[1]) / 2).toBeCloseTo(accuracy, 2);
    const alone = Int32Array.from(right.keys());
    const [narrow = [NaN, NaN]] = bootstrapIntervals(sumBySource([right], alone), stream(1, 'draws'));
    expect(narrow[1] - narrow[0]).toBeLessThan(0.8 * (interval[1] - interval[0]));
  });

  it('weigh sources by their images', () => {
    const { sums, counts } = sumBySource([[1, 2, 3, 4]], Int32Array.of(7, 3, 7, 3));
    expect([...counts]).toEqual([2, 2]);
    expect([...(sums[0] ?? [])]).toEqual([4, 6]);
    const [same] = bootstrapIntervals(
      { sums: [Float64Array.of(3, 6)], counts: Float64Array.of(1, 2) },
      Math.random,
    );
    expect(same).toEqual([3, 3]);
  });
});

describe('policies', () => {
  const learned = modelOutputs(2, 1000, [3, 5, 6]);
  const rows = comparePolicies(learned, { random: modelOutputs(3, 1000, [3, 3.5, 4]), centre: learned });

  it('are each compared with the learned one on the same images', () => {
    expect(rows.map(({ name }) => name)).toEqual(['learned', 'random', 'centre']);
    const [best, random, same] = rows;
    for (const [t, step] of (random?.steps ?? []).entries()) {
      const ahead = (best?.steps[t]?.accuracy ?? NaN) - step.accuracy;
      expect(step.behind.mean).toBeCloseTo(ahead, 12);
      expect(step.behind.interval[0]).toBeLessThanOrEqual(ahead);
      expect(step.behind.interval[1]).toBeGreaterThanOrEqual(ahead);
      expect(step.interval[0]).toBeLessThan(step.accuracy);
      expect(step.interval[1]).toBeGreaterThan(step.accuracy);
    }
    expect(random?.steps[2]?.behind.interval[0]).toBeGreaterThan(0);
    for (const { behind } of same?.steps ?? []) expect(behind).toEqual({ mean: 0, interval: [0, 0] });
  });
});

describe('each class', () => {
  it('has the accuracy, steps and cost of its images', () => {
    const evidence = readEvidence(modelOutputs(4, 600, [2, 3, 4], 3));
    const thresholds = [0.8, 0.7, -1e8];
    const exit = exitSteps(evidence, thresholds);
    for (const row of perClass(evidence, thresholds)) {
      const images = [...evidence.labels.keys()].filter(i => evidence.labels[i] === row.class);
      const mean = (value: (i: number) => number) =>
        images.reduce((sum, i) => sum + value(i), 0) / images.length;
      expect(row.images).toBe(images.length);
      expect(row.accuracy).toBeCloseTo(
        mean(i => evidence.last.correct[i] ?? NaN),
        12,
      );
      expect(row.early.meanSteps).toBeCloseTo(
        mean(i => exit[i] ?? NaN),
        12,
      );
      expect(row.early.meanMultiAdds).toBeCloseTo(
        mean(i => evidence.steps[(exit[i] ?? 0) - 1]?.multiAdds ?? NaN),
        6,
      );
      expect(row.early.accuracy).toBeCloseTo(
        mean(i => evidence.steps[(exit[i] ?? 0) - 1]?.correct[i] ?? NaN),
        12,
      );
      expect(row.interval[0]).toBeLessThanOrEqual(row.accuracy);
      expect(row.interval[1]).toBeGreaterThanOrEqual(row.accuracy);
    }
  });

  it('may be absent', () => {
    const outputs = modelOutputs(4, 60, [2, 3], 4);
    const evidence = readEvidence({ ...outputs, labels: outputs.labels.map(label => label % 2) });
    expect(perClass(evidence, [0.5, -1e8])[3]).toMatchObject({ images: 0, accuracy: 0, interval: [0, 1] });
  });
});
