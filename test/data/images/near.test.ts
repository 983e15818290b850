import { describe, expect, it } from 'vitest';
import { differenceHash } from '../../../src/data/images/inspect.js';
import type { Look } from '../../../src/data/images/alike.js';
import { alikeImages } from '../../../src/data/images/alike.js';
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
    const found: string[] = [];
    nearPairs(BigUint64Array.from(hashes), ({ a, b, bits }) => found.push(`${a} ${b} ${bits}`));
    expect(found.sort()).toEqual(expected.sort());
    expect(expected.length).toBeGreaterThan(20);
  });
});

describe('images that look alike', () => {
  const image = (place: number, part: number, look: bigint, bytes = place): Look => ({
    place,
    part,
    look,
    bytes: BigInt(bytes),
  });

  it('are not told of images that are nearly flat', () => {
    expect([0n, 0xffffffffffffffffn, 127n].map(tells)).toEqual([false, false, false]);
    expect(tells(0xffffn)).toBe(true);
    const looks = [0n, 0n, 0xffffn, 0xfffen].map((look, i) => image(i, i % 2, look));
    expect(alikeImages(looks)).toEqual({ alike: [{ places: [2, 3], bits: 1, more: 0 }], further: 0 });
  });

  it('are told where they are in two sets and no copies, those of one look as a group', () => {
    const [one, near, other] = [0xff00ffn, 0xff00fen, 0xff00ff00ff0000n];
    const images = [
      ...[image(0, 0, one), image(1, 0, one), image(2, 0, one, 1), image(3, 1, one), image(4, 2, one)],
      ...[image(5, 0, near), image(6, 0, near)],
      ...[image(7, 0, other, 50), image(8, 1, other, 50)],
    ];
    expect(alikeImages(images)).toEqual({
      alike: [
        { places: [0, 3, 4, 1], bits: 0, more: 1 },
        { places: [3, 5], bits: 1, more: 5 },
      ],
      further: 0,
    });
    expect(alikeImages(images.map(image => ({ ...image, part: 1 }))).alike).toEqual([]);
  });

  it('may be very many, and are kept up to a bound', () => {
    const alike = Array.from({ length: 30_000 }, (_, i) => image(i, i % 2, 0x0f0f33cc55aa00ffn));
    const started = performance.now();
    expect(alikeImages(alike).alike.map(({ places }) => places.length)).toEqual([30_000]);
    // Two bits of each differ: all share a band, and any two are near that share a bit.
    const near = Array.from({ length: 16 * 15 }, (_, i) => {
      const [a, b] = [Math.floor(i / 15), i % 15];
      return image(i, i % 2, 0x0f0f33cc55aa0000n ^ (1n << BigInt(a)) ^ (1n << BigInt(b >= a ? b + 1 : b)));
    });
    const { alike: kept, further } = alikeImages(near, 10);
    expect([kept.filter(({ bits }) => bits > 0).length, further > 10]).toEqual([10, true]);
    expect(performance.now() - started).toBeLessThan(5000);
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
