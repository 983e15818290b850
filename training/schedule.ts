/** Learning rate schedules. */

/** Cosine from `initial` to 0 over `epochs` (Loshchilov and Hutter 2017), by epoch as in the reference. */
export function cosine(initial: number, epoch: number, epochs: number): number {
  return 0.5 * initial * (1 + Math.cos((Math.PI * epoch) / epochs));
}
