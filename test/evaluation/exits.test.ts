import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { startEngine } from '../../src/engine/start.js';
import { UsageError } from '../../src/errors/index.js';
import {
  always,
  commonThreshold,
  exits,
  exitShares,
  exitSteps,
  never,
  readEvidence,
  thresholdsForShares,
  type AnytimeOutputs,
} from '../../src/evaluation/index.js';
import { referenceBudgets } from '../../src/evaluation/exit-shares.js';
import { fixture } from '../helpers/pytorch.js';
import { modelOutputs, tiedOutputs } from './synthetic.js';

const thresholds = fc.array(fc.double({ min: 0, max: 1.1, noNaN: true }), { minLength: 5, maxLength: 5 });

/** Confidence and answer of image i at step t, straight from the definition. */
function naiveAnswer({ logits, classes }: AnytimeOutputs, t: number, i: number) {
  const row = [...(logits[t] ?? [])].slice(i * classes, (i + 1) * classes);
  const top = Math.max(...row);
  const confidence = Math.fround(1 / row.reduce((sum, logit) => sum + Math.exp(logit - top), 0));
  return { confidence, predicted: row.indexOf(top) };
}

describe('exits', () => {
  it('equals a walk through the images one by one', () => {
    fc.assert(
      fc.property(tiedOutputs, thresholds, (outputs, all) => {
        const T = outputs.logits.length;
        const eta = all.slice(0, T);
        let right = 0;
        let steps = 0;
        let spent = 0;
        const lost: number[] = [];
        for (const [i, label] of outputs.labels.entries()) {
          let t = 0;
          while (t < T - 1 && naiveAnswer(outputs, t, i).confidence < (eta[t] ?? 0)) t++;
          const isRight = (step: number) => Number(naiveAnswer(outputs, step, i).predicted === label);
          right += isRight(t);
          lost.push(isRight(T - 1) - isRight(t));
          steps += t + 1;
          for (let u = 0; u <= t; u++) spent += outputs.multiAdds[u] ?? 0;
        }
        const n = outputs.labels.length;
        const point = exits(readEvidence(outputs), eta);
        expect(point.accuracy).toBeCloseTo(right / n, 12);
        expect(point.meanSteps).toBeCloseTo(steps / n, 12);
        expect(point.meanMultiAdds).toBeCloseTo(spent / n, 8);
        expect(point.exitShares.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
        const mean = lost.reduce((a, b) => a + b, 0) / n;
        const variance = lost.reduce((sum, y) => sum + (y - mean) ** 2, 0) / (n - 1);
        expect(point.drop.mean).toBeCloseTo(mean, 12);
        expect(point.drop.standardError).toBeCloseTo(Math.sqrt(variance / n), 12);
      }),
    );
  });

  it('takes more steps under higher thresholds, image by image', () => {
    fc.assert(
      fc.property(tiedOutputs, thresholds, thresholds, (outputs, some, others) => {
        const evidence = readEvidence(outputs);
        const low = exitSteps(
          evidence,
          evidence.steps.map((_, t) => Math.min(some[t] ?? 0, others[t] ?? 0)),
        );
        const high = exitSteps(
          evidence,
          evidence.steps.map((_, t) => Math.max(some[t] ?? 0, others[t] ?? 0)),
        );
        for (const [i, step] of low.entries()) expect(step).toBeLessThanOrEqual(high[i] ?? 0);
      }),
    );
  });

  it('leaves at the glance or takes all steps at the extremes', () => {
    const evidence = readEvidence(modelOutputs(1, 500, [1, 2, 3]));
    const [glance, , last] = evidence.steps;
    const shortest = exits(evidence, commonThreshold(always, 3));
    const longest = exits(evidence, commonThreshold(never, 3));
    expect(shortest).toMatchObject({ meanSteps: 1, meanMultiAdds: glance?.multiAdds, exitShares: [1, 0, 0] });
    expect(longest).toMatchObject({ meanSteps: 3, meanMultiAdds: last?.multiAdds, exitShares: [0, 0, 1] });
  });

  it('lets the last step answer whatever its threshold', () => {
    const evidence = readEvidence(modelOutputs(1, 50, [1, 2]));
    expect([...exitSteps(evidence, [never, never])]).toEqual(Array(50).fill(2));
  });

  it('refuses thresholds of another number of steps', () => {
    expect(() => exits(readEvidence(modelOutputs(1, 50, [1, 2])), [0.5])).toThrow(UsageError);
  });
});

/** The reference's search, in its own terms: a stable falling sort, a count of those not yet filtered, a break at the count. */
function naiveThresholds(outputs: AnytimeOutputs, shares: readonly number[]): number[] {
  const T = outputs.logits.length;
  const n = outputs.labels.length;
  const filtered = new Array<boolean>(n).fill(false);
  const found = new Array<number>(T).fill(1e8);
  for (let k = 0; k < T - 1; k++) {
    const confidence = Array.from({ length: n }, (_, i) => naiveAnswer(outputs, k, i).confidence);
    const order = [...confidence.keys()].sort((a, b) => (confidence[b] ?? 0) - (confidence[a] ?? 0));
    let count = 0;
    for (const i of order) {
      if (filtered[i]) continue;
      count += 1;
      if (count === Math.floor(n * (shares[k] ?? 0))) {
        found[k] = confidence[i] ?? 0;
        break;
      }
    }
    for (const [i, c] of confidence.entries()) if (c >= (found[k] ?? 0)) filtered[i] = true;
  }
  found[T - 1] = -1e8;
  return found;
}

describe('thresholds for exit shares', () => {
  it('equal the reference rule, with ties, empty shares and shares that run out', () => {
    const shares = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 5, maxLength: 5 });
    fc.assert(
      fc.property(tiedOutputs, shares, (outputs, q) => {
        expect(thresholdsForShares(readEvidence(outputs), q)).toEqual(naiveThresholds(outputs, q));
      }),
      { numRuns: 300 },
    );
  });

  it('let exactly the asked shares leave where no confidences are equal', () => {
    const evidence = readEvidence(modelOutputs(3, 1000, [1, 1.5, 2, 2.5]));
    const { exitShares: left } = exits(evidence, thresholdsForShares(evidence, [0.4, 0.3, 0.2, 0.1]));
    expect(left).toEqual([0.4, 0.3, 0.2, 0.1].map(share => expect.closeTo(share, 2) as number));
  });

  it('let nobody leave where the share is less than one image', () => {
    expect(thresholdsForShares(readEvidence(modelOutputs(3, 50, [1, 2])), [0.019, 0.981])).toEqual([
      1e8, -1e8,
    ]);
  });
});

describe('the reference, run in PyTorch on the same logits', () => {
  startEngine();
  const stored = fixture('thresholds');
  const [T = 0, n = 0, classes = 0] = stored.tensor('logits').shape;
  const logits = stored.tensor('logits').dataSync<'float32'>();
  const evidence = readEvidence({
    logits: Array.from({ length: T }, (_, t) => logits.slice(t * n * classes, (t + 1) * n * classes)),
    labels: Int32Array.from(stored.tensor('labels').dataSync()),
    classes,
    multiAdds: Array.from({ length: T }, () => 1),
  });
  const expected = stored.tensor('expected/thresholds').dataSync<'float32'>();
  const exit = stored.tensor('expected/exit').dataSync();

  it.each(referenceBudgets)('p = %i: the same thresholds, the same images leave at each step', p => {
    const found = thresholdsForShares(evidence, exitShares(p, T));
    // PyTorch's softmax rounds in single precision at each operation, ours once.
    for (const [t, threshold] of found.entries()) {
      const wanted = expected[(p - 1) * T + t] ?? NaN;
      expect(Math.abs(threshold - wanted)).toBeLessThanOrEqual(Math.abs(wanted) * 2 ** -21);
    }
    expect([...exitSteps(evidence, found)]).toEqual([...exit.subarray((p - 1) * n, p * n)]);
  });
});

describe('exit shares of a budget', () => {
  it('are equal at p = 20 and a geometric series elsewhere', () => {
    expect(exitShares(20, 4)).toEqual([0.25, 0.25, 0.25, 0.25]);
    expect(exitShares(10, 2)).toEqual([2 / 3, 1 / 3].map(q => expect.closeTo(q, 12) as number));
    expect(exitShares(40, 3)).toEqual([1 / 7, 2 / 7, 4 / 7].map(q => expect.closeTo(q, 12) as number));
  });
});
