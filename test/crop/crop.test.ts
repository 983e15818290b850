import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { boxOf, cutOut } from '../../src/crop/box.js';
import { crop } from '../../src/crop/index.js';
import { compile } from '../../src/engine/compile.js';
import { startEngine } from '../../src/engine/start.js';
import { disposeTree } from '../../src/engine/tensor-tree.js';
import { build, normals } from '../helpers/array.js';
import { expectClose } from '../helpers/pytorch.js';

beforeAll(() => startEngine());

const action = fc.oneof(fc.float({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, 1, 0.5, 0.1, 0.7));
const place = fc.tuple(action, action);
const sizes = fc
  .record({ side: fc.integer({ min: 1, max: 40 }), share: fc.double({ min: 0, max: 1, noNaN: true }) })
  .map(({ side, share }) => ({ side, patch: 1 + Math.floor(share * (side - 1)) }));

/** floor(action * (side - patch)), in single precision as in the reference. */
function corner(action: number, side: number, patch: number): number {
  return Math.floor(Math.fround(Math.fround(action) * (side - patch)));
}

describe('crop', () => {
  it('cuts, from each image, the pixels that start at floor(action * (side - patch))', () => {
    fc.assert(
      fc.property(
        sizes,
        fc.array(place, { minLength: 1, maxLength: 4 }),
        fc.constantFrom(1, 3),
        ({ side, patch }, actions, channels) => {
          const n = actions.length;
          const images = normals('images', [n, side, side, channels]);
          const expected = build([n, patch, patch, channels], (i, y, x, c) => {
            const [row = NaN, column = NaN] = (actions[i] ?? []).map(a => corner(a, side, patch));
            return images.at(i, row + y, column + x, c);
          });
          tf.tidy(() => {
            const patches = crop(images.tensor(), tf.tensor2d(actions), patch);
            expect(patches.shape).toEqual(expected.shape);
            expect(patches.dataSync()).toEqual(Float32Array.from(expected.values));
          });
        },
      ),
      { numRuns: 60 },
    );
  });

  it('is where boxOf says, and what cutOut cuts there', () => {
    fc.assert(
      fc.property(sizes, place, ({ side, patch }, [row, column]) => {
        const box = boxOf(row, column, side, patch);
        // A pixel holds its place in two bytes.
        const pixels = Uint8Array.from({ length: side * side * 2 }, (_, i) =>
          i % 2 === 0 ? i >> 9 : i >> 1,
        );
        const cut = tf.tidy(() =>
          crop(tf.tensor4d(pixels, [1, side, side, 2]), tf.tensor2d([[row, column]]), patch).dataSync(),
        );
        expect(256 * (cut[0] ?? NaN) + (cut[1] ?? NaN)).toBe(box.row * side + box.column);
        expect(cutOut(pixels, side, 2, box)).toEqual(Uint8Array.from(cut));
      }),
      { numRuns: 60 },
    );
  });

  it('reaches all of the image and nothing outside', () => {
    fc.assert(
      fc.property(sizes, place, ({ side, patch }, [row, column]) => {
        const box = boxOf(row, column, side, patch);
        expect(box.size).toBe(patch);
        for (const start of [box.row, box.column]) {
          expect(Number.isInteger(start)).toBe(true);
          expect(start).toBeGreaterThanOrEqual(0);
          expect(start + patch).toBeLessThanOrEqual(side);
        }
        expect(boxOf(0, 1, side, patch)).toEqual({ row: 0, column: side - patch, size: patch });
      }),
    );
  });

  it('serves any batch size compiled, and leaves no tensor', () => {
    const run = (_: object, batch: { images: tf.Tensor4D; actions: tf.Tensor2D }): tf.Tensor4D =>
      crop(batch.images, batch.actions, 4);
    const compiled = compile(run, { anyBatch: true });
    const batch = (n: number): { images: tf.Tensor4D; actions: tf.Tensor2D } => ({
      images: normals('images', [n, 9, 9, 3]).tensor(),
      actions: tf.tensor2d(Array.from({ length: n }, (_, i) => [i / n, 1 - i / n])),
    });
    for (const n of [1, 5, 3]) {
      const given = batch(n);
      const before = tf.memory().numTensors;
      const result = compiled({}, given);
      expect(tf.memory().numTensors).toBe(before + 1);
      expectClose(result, run({}, given), 1e-9);
      disposeTree([result, given]);
    }
  });
});
