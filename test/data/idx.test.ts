import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readIdx, readIdxPair } from '../../src/data/idx.js';
import { DataError } from '../../src/errors/index.js';
import { errorOf } from '../helpers/error-of.js';
import { idx, scratchFolder } from './support.js';

const folder = scratchFolder();
const file = (name: string, bytes: Uint8Array): string => folder.file(name, bytes);

// Written out byte by byte: two pictures of 2 rows and 3 columns, of the classes 7 and 1.
const twoImages = Uint8Array.of(
  ...[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3],
  ...[1, 2, 3, 4, 5, 6, 250, 251, 252, 253, 254, 255],
);
const twoLabels = Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 2, 7, 1);

describe('readIdx', () => {
  it('reads what was written, of any shape, compressed or not', () => {
    const shapes = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(shapes, fc.boolean(), (shape, compressed) => {
        const count = shape.reduce((product, side) => product * side, 1);
        const values = Array.from({ length: count }, (_, i) => (i * 37) % 256);
        const bytes = idx(shape, values);
        const read = readIdx(file('any.idx', compressed ? gzipSync(bytes) : bytes));
        expect(read.shape).toEqual(shape);
        expect([...read.values]).toEqual(values);
      }),
    );
  });

  it('says what is wrong, naming the file and how to mend it', () => {
    const cases: [string, string][] = [
      [join(folder.path, 'missing'), 'cannot be read'],
      [folder.path, 'cannot be read'],
      [file('empty', new Uint8Array(0)), 'not an IDX file'],
      [file('text', Buffer.from('label,pixel0')), 'not an IDX file'],
      [file('floats', Buffer.of(0, 0, 13, 1, 0, 0, 0, 1, 0, 0, 0, 0)), 'not an IDX file'],
      [file('rank-0', Buffer.of(0, 0, 8, 0, 1)), 'not an IDX file'],
      [file('header', twoImages.subarray(0, 10)), 'cut off within its header'],
      [file('short', twoImages.subarray(0, -1)), 'cut off'],
      [file('long', Buffer.concat([twoImages, Buffer.of(0)])), 'longer than its header'],
      [file('overflow', idx([2 ** 32 - 1, 2 ** 32 - 1, 2 ** 32 - 1], [1])), 'cut off'],
      [file('cut.gz', gzipSync(twoImages).subarray(0, -9)), 'gzip file is damaged'],
    ];
    for (const [path, problem] of cases) {
      const { explanation } = errorOf(() => readIdx(path));
      expect(explanation.problem).toContain(problem);
      expect(explanation.given).toContain(path);
      expect(explanation.allowed).toBeTruthy();
      expect(explanation.mend).toBeTruthy();
    }
  });

  it('answers damaged bytes with values that fill the shape or a DataError, nothing else', () => {
    for (const whole of [twoImages, gzipSync(twoImages)]) {
      const edits = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 4 });
      fc.assert(
        fc.property(edits, fc.nat(whole.length), (changes, length) => {
          const bytes = Uint8Array.from(whole);
          for (const [at, value] of changes) bytes[at] = value;
          const path = file('damaged', bytes.subarray(0, length));
          try {
            const { shape, values } = readIdx(path);
            expect(values).toHaveLength(shape.reduce((product, side) => product * side, 1));
          } catch (error) {
            expect(error).toBeInstanceOf(DataError);
          }
        }),
        { numRuns: 200 },
      );
    }
  });
});

describe('readIdxPair', () => {
  it('reads pictures and labels', () => {
    expect(readIdxPair(file('images', twoImages), file('labels.gz', gzipSync(twoLabels)))).toEqual({
      count: 2,
      height: 2,
      width: 3,
      pixels: Buffer.of(1, 2, 3, 4, 5, 6, 250, 251, 252, 253, 254, 255),
      labels: Buffer.of(7, 1),
    });
  });

  it('refuses files that do not belong together', () => {
    const images = file('images', twoImages);
    const labels = file('labels', twoLabels);
    const three = file('three', idx([3], [1, 2, 3]));
    const none = file('none', idx([0, 28, 28], []));
    const { explanation } = errorOf(() => readIdxPair(images, three));
    expect(explanation.problem).toContain('differ');
    expect(explanation.given).toContain('2 images');
    expect(explanation.given).toContain('3 labels');
    expect(errorOf(() => readIdxPair(labels, images)).explanation.mend).toContain('swapped');
    expect(errorOf(() => readIdxPair(images, images)).explanation.allowed).toContain('labels');
    expect(errorOf(() => readIdxPair(none, labels)).explanation.given).toContain('0 x 28 x 28');
  });
});
