import { describe, expect, it } from 'vitest';
import {
  commonThreshold,
  coverage,
  exits,
  guaranteedThreshold,
  guarantees,
  lossPath,
  never,
  readEvidence,
  riskPath,
  type AnytimeOutputs,
} from '../../src/evaluation/index.js';
import { integer, permutation, stream } from '../../src/random/index.js';
import { modelOutputs } from './synthetic.js';

/** Images of all there are, in the order given. */
function only(outputs: AnytimeOutputs, images: Int32Array): AnytimeOutputs {
  const { logits, labels, classes, multiAdds, sources } = outputs;
  return {
    logits: logits.map(step =>
      Float32Array.from(
        { length: images.length * classes },
        (_, k) => step[(images[Math.floor(k / classes)] ?? 0) * classes + (k % classes)] ?? 0,
      ),
    ),
    labels: images.map(i => labels[i] ?? 0),
    classes,
    multiAdds,
    ...(sources && { sources: images.map(i => sources[i] ?? 0) }),
  };
}

const independent = ({ labels, ...rest }: AnytimeOutputs): AnytimeOutputs => ({
  ...rest,
  labels,
  sources: Int32Array.from(labels.keys()),
});

describe('a promise about all images', () => {
  const world = independent(modelOutputs(12, 8_000, [1.5, 2.5, 3.5]));
  const truth = readEvidence(world);
  const dropAt = new Map(
    [never, ...riskPath].map(threshold => [threshold, exits(truth, commonThreshold(threshold, 3)).drop.mean]),
  );

  it.each([
    { maxDrop: 0.02, confidence: 0.9 },
    { maxDrop: 0.05, confidence: 0.8 },
  ])(
    'of $maxDrop is broken by at most the promised share of 200 draws, and not for want of trying',
    promised => {
      const random = stream(3, 'draws', promised.maxDrop);
      const chosen = Array.from({ length: 200 }, () => {
        const images = Int32Array.from({ length: 500 }, () => integer(random, 8_000));
        const drawn = independent(only(world, images));
        return guaranteedThreshold(lossPath(readEvidence(drawn)), promised);
      });
      const broken = chosen.filter(threshold => (dropAt.get(threshold) ?? NaN) > promised.maxDrop).length;
      expect(broken / 200).toBeLessThanOrEqual(1 - promised.confidence);
      const spent = chosen.map(threshold => exits(truth, commonThreshold(threshold, 3)).meanSteps);
      expect(spent.reduce((a, b) => a + b, 0) / 200).toBeLessThan(2.8);
    },
  );

  it('counts sources: images that say the same ten times over allow no more than once', () => {
    const images = permutation(stream(4, 'few'), 8_000).subarray(0, 500);
    const ten = Int32Array.from({ length: 5000 }, (_, k) => images[Math.floor(k / 10)] ?? 0);
    const once = independent(only(world, images));
    const often = { ...only(world, ten), sources: Int32Array.from(ten.keys(), k => Math.floor(k / 10)) };
    const promised = { maxDrop: 0.03, confidence: 0.95 };
    const threshold = (outputs: AnytimeOutputs) =>
      guaranteedThreshold(lossPath(readEvidence(outputs)), promised);
    expect(threshold(often)).toBe(threshold(once));
    expect(threshold(independent(often))).toBeLessThan(threshold(once));
  });

  it('is all steps where there are too few images to promise anything', () => {
    const few = readEvidence(independent(modelOutputs(1, 20, [3, 4])));
    expect(guaranteedThreshold(lossPath(few), { maxDrop: 0.01, confidence: 0.95 })).toBe(never);
  });
});

describe('guarantees', () => {
  const drops = [0.01, 0.05, 0.2];
  const [validation, test] = [7, 8].map(seed =>
    readEvidence(independent(modelOutputs(seed, 4000, [1.5, 2.5, 3.5]))),
  ) as [ReturnType<typeof readEvidence>, ReturnType<typeof readEvidence>];
  const found = guarantees(validation, test, drops, 0.9);
  const of = (risk: string) => found.filter(row => row.risk === risk);

  it('are of three kinds, the overall one what predicting chooses from the path, reported on test', () => {
    expect(found).toHaveLength(9);
    for (const { maxDrop, threshold, risk, ...point } of of('overall')) {
      expect(threshold).toBe(guaranteedThreshold(lossPath(validation), { maxDrop, confidence: 0.9 }));
      expect(point).toEqual(exits(test, commonThreshold(threshold, 3)));
      expect(risk).toBe('overall');
    }
  });

  it('take more steps for a smaller drop, and for every class', () => {
    for (const risk of ['overall', 'every class', 'spoiled']) {
      const steps = of(risk).map(({ meanSteps }) => meanSteps);
      expect(steps).toEqual([...steps].sort((a, b) => b - a));
    }
    of('every class').forEach(({ threshold }, i) => {
      expect(threshold).toBeGreaterThanOrEqual(of('overall')[i]?.threshold ?? NaN);
    });
  });

  it('keep the accuracy of a class that early exit alone harms', () => {
    // Class 0 is taken for class 1, surely, until the last step.
    const trap = (seed: number) => {
      const outputs = independent(modelOutputs(seed, 6000, [4, 4.5, 5], 4));
      const logits = outputs.logits.map((step, t) =>
        step.map((logit, k) => {
          const image = Math.floor(k / 4);
          return t < 2 && outputs.labels[image] === 0 && image % 3 === 0 && k % 4 === 1 ? 14 : logit;
        }),
      );
      return readEvidence({ ...outputs, logits });
    };
    const rows = guarantees(trap(1), trap(2), [0.1], 0.9);
    const threshold = (risk: string) => rows.find(row => row.risk === risk)?.threshold ?? NaN;
    expect(threshold('overall')).toBeLessThan(0.9);
    // Above what its wrong answers are sure of: 14 against 4 or so.
    expect(threshold('every class')).toBeGreaterThan(0.9999);
  });
});

describe('coverage', () => {
  it('tries the promise on halves of the sources of all sets', () => {
    const sets = [1, 2].map(seed => readEvidence(independent(modelOutputs(seed, 3000, [1.5, 2.5, 3.5]))));
    const promised = { maxDrop: 0.03, confidence: 0.9 };
    const tried = coverage(sets, promised, 200, stream(5, 'coverage'));
    expect(tried.drops).toHaveLength(200);
    expect(tried.exceeded).toBe(tried.drops.filter(drop => drop > 0.03).length);
    expect(tried.exceeded / 200).toBeLessThanOrEqual(0.1);
    expect(Math.max(...tried.drops)).toBeGreaterThan(0);
    expect(coverage(sets, promised, 200, stream(5, 'coverage'))).toEqual(tried);
  });
});
