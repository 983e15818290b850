import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { proportion } from '../../src/evaluation/index.js';

const bits = fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 2, maxLength: 40 });
const sampleError = (values: readonly number[]) => {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  return Math.sqrt(variance / values.length);
};

describe('proportion', () => {
  it('of independent images has the usual standard error', () => {
    fc.assert(
      fc.property(bits, values => {
        const { accuracy, standardError } = proportion(
          Uint8Array.from(values),
          Int32Array.from(values.keys()),
        );
        expect(standardError).toBeCloseTo(Math.sqrt((accuracy * (1 - accuracy)) / (values.length - 1)), 10);
      }),
    );
  });

  it('of equally large clusters has the standard error of their means', () => {
    fc.assert(
      fc.property(bits, bits, (first, second) => {
        const clusters = first.map((value, g) => [value, second[g % second.length] ?? 0, value]);
        const { accuracy, standardError } = proportion(
          Uint8Array.from(clusters.flat()),
          Int32Array.from(clusters.flatMap((cluster, g) => cluster.map(() => 7 * g))),
        );
        const means = clusters.map(cluster => cluster.reduce((a, b) => a + b, 0) / 3);
        expect(accuracy).toBeCloseTo(means.reduce((a, b) => a + b, 0) / means.length, 10);
        expect(standardError).toBeCloseTo(sampleError(means), 10);
      }),
    );
  });
});
