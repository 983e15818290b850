/** Interpolation kernels: how much a sample counts, by its distance in samples. */

export const interpolations = ['bilinear', 'bicubic'] as const;
export type Interpolation = (typeof interpolations)[number];

export interface Kernel {
  /** Beyond it nothing counts. */
  readonly radius: number;
  readonly weight: (distance: number) => number;
}

/** Linear interpolation. */
export const triangle: Kernel = { radius: 1, weight: distance => Math.max(0, 1 - Math.abs(distance)) };

/** Cubic convolution (Keys 1981), `a` its slope at distance 1. */
export function cubic(a: number): Kernel {
  return {
    radius: 2,
    weight: distance => {
      const d = Math.abs(distance);
      if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
      return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
    },
  };
}
