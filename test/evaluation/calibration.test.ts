import { describe, expect, it } from 'vitest';
import { startEngine } from '../../src/engine/start.js';
import {
  compareCriteria,
  exits,
  fitTemperature,
  fitTemperatures,
  judgedBy,
  readEvidence,
  reliability,
  type AnytimeOutputs,
  type Reliability,
} from '../../src/evaluation/index.js';
import { fixture } from '../helpers/pytorch.js';
import { modelOutputs } from './synthetic.js';

startEngine();

describe('calibration, as computed by numpy', () => {
  const stored = fixture('calibration');
  const labelled = {
    logits: stored.tensor('logits').dataSync<'float32'>(),
    labels: Int32Array.from(stored.tensor('labels').dataSync()),
    classes: 5,
  };
  const expected = (key: string) => JSON.parse(stored.metadata[key] ?? '') as unknown;
  const temperature = expected('temperature') as number;

  it('finds the temperature', () => {
    expect(temperature).toBeGreaterThan(1.5);
    expect(fitTemperature(labelled) / temperature).toBeCloseTo(1, 6);
  });

  it.each(['before', 'after'])('errors, scores and diagram %s it', which => {
    const { bins, ...numbers } = expected(which) as Omit<Reliability, 'bins'> & {
      bins: readonly (readonly [number, number, number])[];
    };
    const found = reliability(labelled, which === 'before' ? 1 : temperature);
    for (const [name, value] of Object.entries(numbers)) {
      expect(found[name as keyof typeof numbers], name).toBeCloseTo(value, 6);
    }
    expect(found.bins.map(({ images }) => images)).toEqual(bins.map(([images]) => images));
    for (const [m, [, confidence, accuracy]] of bins.entries()) {
      expect(found.bins[m]?.confidence).toBeCloseTo(confidence, 6);
      expect(found.bins[m]?.accuracy).toBeCloseTo(accuracy, 6);
    }
  });
});

describe('the temperature', () => {
  it('undoes a scale', () => {
    const { logits, labels, classes } = modelOutputs(1, 2000, [2]);
    const [plain = new Float32Array()] = logits;
    const fit = (scale: number) =>
      fitTemperature({ logits: plain.map(logit => scale * logit), labels, classes });
    for (const scale of [0.25, 3, 10]) expect(fit(scale)).toBeCloseTo(scale * fit(1), 4);
  });

  it('ends at a bound where every answer is right, and where every answer is wrong', () => {
    const logits = Float32Array.of(3, 0, 0, 3);
    expect(fitTemperature({ logits, labels: Int32Array.of(0, 1), classes: 2 })).toBe(0.01);
    expect(fitTemperature({ logits, labels: Int32Array.of(1, 0), classes: 2 })).toBe(100);
  });
});

describe('exit criteria', () => {
  /** Three steps of two images of three classes. */
  const outputs: AnytimeOutputs = {
    logits: [
      Float32Array.of(Math.log(2), Math.log(1), Math.log(1), 0, 5, 0),
      Float32Array.of(3, 0, 0, 0, 0, 5),
      Float32Array.of(4, 0, 0, 0, 0, 6),
    ],
    labels: Int32Array.of(0, 2),
    classes: 3,
    multiAdds: [10, 10, 10],
  };
  const certainty = (criterion: Parameters<typeof judgedBy>[0], temperatures = [1, 1, 1]) =>
    judgedBy(criterion, outputs, temperatures).steps.map(({ confidence }) => [...confidence]);

  it('are the closed forms', () => {
    expect(certainty('confidence')[0]?.[0]).toBeCloseTo(0.5, 6);
    expect(certainty('margin')[0]?.[0]).toBeCloseTo(0.25, 6);
    const h = 0.5 * Math.log(2) + 0.5 * Math.log(4);
    expect(certainty('entropy')[0]?.[0]).toBeCloseTo(1 - h / Math.log(3), 6);
    expect(certainty('calibrated confidence', [0.5, 1, 1])[0]?.[0]).toBeCloseTo(4 / 6, 6);
  });

  it('count with patience the steps that agree', () => {
    expect(certainty('patience')).toEqual([
      [Math.fround(1 / 3), Math.fround(1 / 3)],
      [Math.fround(2 / 3), Math.fround(1 / 3)],
      [1, Math.fround(2 / 3)],
    ]);
  });

  it('choose on validation within the budget and report on test', () => {
    const [validation, test] = [modelOutputs(1, 1500, [2, 3, 4]), modelOutputs(2, 1500, [2, 3, 4])];
    const temperatures = fitTemperatures(validation);
    const rows = compareCriteria(
      ['confidence', 'entropy', 'patience'],
      validation,
      test,
      [12e6, 20e6],
      temperatures,
    );
    expect(rows.map(({ criterion, budget }) => [criterion, budget])).toEqual(
      ['confidence', 'entropy', 'patience'].flatMap(name => [
        [name, 12e6],
        [name, 20e6],
      ]),
    );
    for (const { criterion, budget, ...point } of rows) {
      expect(point).toEqual(exits(judgedBy(criterion, test, temperatures), point.thresholds));
      expect(
        exits(judgedBy(criterion, validation, temperatures), point.thresholds).meanMultiAdds,
      ).toBeLessThanOrEqual(budget);
    }
    // Confidence is evidence of its own: judging by it is judging as ever.
    expect(judgedBy('confidence', test, temperatures)).toEqual(readEvidence(test));
  });
});
