import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answer, softmax } from '../../src/evaluation/index.js';

describe('softmax', () => {
  it('is the closed form for two classes', () => {
    expect([...softmax(Float32Array.of(0, Math.log(3), Math.log(9), 0), 2)]).toEqual(
      [0.25, 0.75, 0.9, 0.1].map(p => expect.closeTo(p, 6) as number),
    );
  });

  it('survives logits whose exponentials overflow or vanish', () => {
    expect([...softmax(Float32Array.of(1e4, 1e4, -1e4), 3)]).toEqual([0.5, 0.5, 0]);
    expect([...softmax(Float32Array.of(-1e4, -1e4), 2)]).toEqual([0.5, 0.5]);
  });

  it('sums to one and ignores a shift of the logits', () => {
    const rows = fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 2, maxLength: 8 });
    fc.assert(
      fc.property(rows, fc.integer({ min: -100, max: 100 }), (row, shift) => {
        const plain = softmax(Float32Array.from(row), row.length);
        const shifted = softmax(
          Float32Array.from(row, x => x + shift),
          row.length,
        );
        expect(plain.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
        expect(shifted).toEqual(plain);
      }),
    );
  });
});

describe('answer', () => {
  it('is the most probable class with its probability, the first of equal ones', () => {
    const { predicted, confidence } = answer(Float32Array.of(0, Math.log(4), 0, 2, 0, 2), 3);
    expect([...predicted]).toEqual([1, 0]);
    expect(confidence[0]).toBeCloseTo(4 / 6, 6);
    expect(confidence[1]).toBeCloseTo(Math.exp(2) / (2 * Math.exp(2) + 1), 6);
  });
});
