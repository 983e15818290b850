/** Pairs of 64-bit hashes that differ in few bits, without comparing all with all. */

/** Of 64 bits, the most by which two are near. */
const nearBits = 3;

/** Two of `near` bits or less apart share one of four 16-bit bands whole. */
const bands = [0n, 16n, 32n, 48n];

/** A hash of an image that is nearly flat says nothing of it: fewer bits than this are set, or are not. */
const fewestBits = 8;

export interface Near {
  readonly a: number;
  readonly b: number;
  /** That differ. */
  readonly bits: number;
}

/** Whether an image has enough in it to be told from others by its hash. */
export function tells(hash: bigint): boolean {
  const set = bitCount(hash);
  return set >= fewestBits && set <= 64 - fewestBits;
}

/** All pairs within `nearBits` of hashes that tell and that `compared` wants compared, each once. */
export function nearPairs(hashes: BigUint64Array, compared: (a: number, b: number) => boolean): Near[] {
  const found: Near[] = [];
  const telling = [...hashes.keys()].filter(i => tells(hashes[i] ?? 0n));
  bands.forEach((shift, band) => {
    const buckets = new Map<number, number[]>();
    for (const b of telling) {
      const key = bandOf(hashes[b] ?? 0n, shift);
      const bucket = buckets.get(key);
      if (!bucket) {
        buckets.set(key, [b]);
        continue;
      }
      for (const a of bucket) {
        if (!compared(a, b)) continue;
        const difference = (hashes[a] ?? 0n) ^ (hashes[b] ?? 0n);
        const bits = bitCount(difference);
        // A pair that shares several bands is found in the first.
        if (bits <= nearBits && bands.findIndex(earlier => bandOf(difference, earlier) === 0) === band) {
          found.push({ a, b, bits });
        }
      }
      bucket.push(b);
    }
  });
  return found;
}

function bandOf(hash: bigint, shift: bigint): number {
  return Number((hash >> shift) & 0xffffn);
}

function bitCount(value: bigint): number {
  let count = 0;
  for (let rest = value; rest > 0n; rest &= rest - 1n) count++;
  return count;
}
