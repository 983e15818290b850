import { describe, expect, it } from 'vitest';
import { differenceHash } from '../../../src/data/images/inspect.js';
import { nearPairs, tells } from '../../../src/data/images/near.js';
import { integer, stream } from '../../../src/random/index.js';

const bitsOf = (value: bigint): number => value.toString(2).replaceAll('0', '').length;

describe('pairs of near hashes', () => {
  it('are those that a comparison of all with all finds, each once', () => {
    const random = stream(1, 'hashes');
    const hashes: bigint[] = [];
    for (let i = 0; i < 60; i++) {
      let hash = 0n;
      for (let bit = 0; bit < 64; bit++) hash = (hash << 1n) | BigInt(random() < 0.5);
      hashes.push(hash);
      // And one that differs from it in up to 5 bits.
      for (let flips = integer(random, 6); flips > 0; flips--) hash ^= 1n << BigInt(integer(random, 64));
      hashes.push(hash);
    }
    const expected = hashes.flatMap((a, i) =>
      hashes
        .slice(i + 1)
        .flatMap((b, j) => (bitsOf(a ^ b) <= 3 ? [`${i} ${i + 1 + j} ${bitsOf(a ^ b)}`] : [])),
    );
    const found = nearPairs(BigUint64Array.from(hashes), () => true).map(
      ({ a, b, bits }) => `${a} ${b} ${bits}`,
    );
    expect(found.sort()).toEqual(expected.sort());
    expect(expected.length).toBeGreaterThan(20);
    expect(nearPairs(BigUint64Array.from(hashes), () => false)).toEqual([]);
  });

  it('are not told of images that are nearly flat', () => {
    expect([0n, 0xffffffffffffffffn, 127n].map(tells)).toEqual([false, false, false]);
    expect(tells(0xffffn)).toBe(true);
    expect(nearPairs(BigUint64Array.of(0n, 0n, 0xffffn, 0xfffen), () => true)).toEqual([
      { a: 2, b: 3, bits: 1 },
    ]);
  });
});

describe('the hash of differences', () => {
  it('says where the image grows darker, row by row', () => {
    const falling = [9, 8, 7, 6, 5, 4, 3, 2, 1];
    const rising = [...falling].reverse();
    const rows = [falling, ...Array.from({ length: 6 }, () => rising), [5, 5, 4, 5, 5, 5, 5, 5, 4]];
    expect(differenceHash(Uint8Array.from(rows.flat()))).toBe((0xffn << 56n) | 0b01000001n);
  });
});
