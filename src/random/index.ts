/** Named streams of randomness: every draw of the program is a function of a seed and of what it is for, so nothing has to be saved to resume. */
import seedrandom from 'seedrandom';

/** Draws a number in [0, 1). */
export type Random = () => number;

/**
 * The stream of random numbers named by `path` under `seed`, e.g. `stream(7, 'shuffle', epoch)`.
 * The same arguments give the same numbers on every machine; other arguments give independent ones.
 */
export function stream(seed: number, ...path: readonly (string | number)[]): Random {
  return seedrandom.alea(`${seed}/${path.join('/')}`);
}

/** An integer in [0, below). */
export function integer(random: Random, below: number): number {
  return Math.floor(random() * below);
}

/** `count` numbers, uniform in [0, 1). */
export function uniform(random: Random, count: number): Float32Array {
  return Float32Array.from({ length: count }, random);
}

/** `count` standard normal numbers (Box-Muller). */
export function normal(random: Random, count: number): Float32Array {
  const values = new Float32Array(count);
  for (let i = 0; i < count; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    const angle = 2 * Math.PI * random();
    values[i] = radius * Math.cos(angle);
    if (i + 1 < count) values[i + 1] = radius * Math.sin(angle);
  }
  return values;
}

/** A random order of 0 .. count - 1 (Fisher-Yates). */
export function permutation(random: Random, count: number): Int32Array {
  const order = Int32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = integer(random, i + 1);
    const swapped = order[i] ?? 0;
    order[i] = order[j] ?? 0;
    order[j] = swapped;
  }
  return order;
}

/** A number from Beta(alpha, alpha): with gamma numbers g and h, g / (g + h). */
export function beta(random: Random, alpha: number): number {
  const [g, h] = [logGamma(random, alpha), logGamma(random, alpha)];
  return 1 / (1 + Math.exp(h - g));
}

/**
 * Logarithm of a number from Gamma(shape, 1) (Marsaglia and Tsang 2000; below 1 by their section 6): small shapes give numbers that
 * no float holds.
 */
function logGamma(random: Random, shape: number): number {
  if (shape < 1) return logGamma(random, shape + 1) + Math.log(1 - random()) / shape;
  const d = shape - 1 / 3;
  for (;;) {
    const x = normal(random, 1)[0] ?? 0;
    const v = (1 + x / Math.sqrt(9 * d)) ** 3;
    if (v > 0 && Math.log(1 - random()) < 0.5 * x * x + d * (1 - v + Math.log(v))) return Math.log(d * v);
  }
}
