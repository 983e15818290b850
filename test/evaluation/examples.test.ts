import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commonThreshold, exitSteps, pickExamples, readEvidence } from '../../src/evaluation/index.js';
import { tiedOutputs } from './synthetic.js';

describe('pickExamples', () => {
  it('picks different images, each of its group', () => {
    fc.assert(
      fc.property(tiedOutputs, fc.integer({ min: 0, max: 5 }), (outputs, count) => {
        const evidence = readEvidence(outputs);
        const thresholds = commonThreshold(0.8, evidence.steps.length);
        const exit = exitSteps(evidence, thresholds);
        const isRight = (i: number) => evidence.steps[(exit[i] ?? 0) - 1]?.correct[i] === 1;
        const { right, worst, wrong, longest } = pickExamples(evidence, thresholds, count);
        const all = [...right, ...worst, ...wrong, ...longest];
        expect(new Set(all).size).toBe(all.length);
        expect(right.every(isRight)).toBe(true);
        expect([...worst, ...wrong].some(isRight)).toBe(false);
        for (const group of [right, worst, wrong, longest]) expect(group.length).toBeLessThanOrEqual(count);
        const shown = Math.min(...longest.map(i => exit[i] ?? 0));
        for (const i of right) expect(exit[i]).toBeLessThanOrEqual(shown);
        const sources = (images: readonly number[]) => new Set(images.map(i => evidence.sources[i])).size;
        for (const group of [right, worst, wrong, longest]) expect(sources(group)).toBe(group.length);
        const errors = [...exit.keys()].filter(i => !isRight(i));
        expect(worst).toHaveLength(Math.min(count, sources(errors)));
        const left = errors.filter(i => !worst.includes(i));
        expect(wrong).toHaveLength(Math.min(count, sources(left)));
        const sureness = (i: number) => evidence.steps[(exit[i] ?? 0) - 1]?.confidence[i] ?? 0;
        expect(worst).toEqual(worst.toSorted((a, b) => sureness(b) - sureness(a)));
        for (const i of left) {
          const shown = worst.filter(other => evidence.sources[other] === evidence.sources[i]);
          const least = shown.length > 0 || worst.length < count ? shown : worst;
          for (const other of least) expect(sureness(i)).toBeLessThanOrEqual(sureness(other));
        }
      }),
    );
  });
});
