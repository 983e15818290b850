/** Pairs of 64-bit hashes that differ in few bits, without comparing all with all. */

/** Of 64 bits, the most by which two are near. */
const nearBits = 3;

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
  const set = bitCount(Number(hash >> 32n)) + bitCount(Number(hash & 0xffffffffn));
  return set >= fewestBits && set <= 64 - fewestBits;
}

/** Calls `found` with each pair within `nearBits`, once: there may be very many. */
export function nearPairs(hashes: BigUint64Array, found: (pair: Near) => void): void {
  // Numbers are compared many times as fast as bigints.
  const halves = new Uint32Array(hashes.buffer, hashes.byteOffset, 2 * hashes.length);
  // Two of `near` bits or less apart share one of four 16-bit bands whole.
  for (let band = 0; band < 4; band++) {
    const buckets = new Map<number, number[]>();
    for (const b of hashes.keys()) {
      const [low, high] = [halves[2 * b] ?? 0, halves[2 * b + 1] ?? 0];
      const key = bandOf(low, high, band);
      const bucket = buckets.get(key);
      if (!bucket) {
        buckets.set(key, [b]);
        continue;
      }
      for (const a of bucket) {
        const [lows, highs] = [low ^ (halves[2 * a] ?? 0), high ^ (halves[2 * a + 1] ?? 0)];
        const bits = bitCount(lows) + bitCount(highs);
        // A pair that shares several bands is found in the first.
        if (bits <= nearBits && firstEqual(lows, highs) === band) found({ a, b, bits });
      }
      bucket.push(b);
    }
  }
}

function firstEqual(lows: number, highs: number): number {
  return [0, 1, 2, 3].findIndex(band => bandOf(lows, highs, band) === 0);
}

/** Of 16 bits. */
function bandOf(low: number, high: number, band: number): number {
  const half = band < 2 ? low : high;
  return band % 2 === 0 ? half & 0xffff : half >>> 16;
}

/** Of the 32 bits of a number. */
function bitCount(value: number): number {
  const pairs = value - ((value >>> 1) & 0x55555555);
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
