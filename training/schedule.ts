/** Learning rate schedules, and how slowly the average of the weights forgets. */

/** Where training is: `step` of `steps` in an epoch; all from 0. */
export interface Position {
  readonly epoch: number;
  readonly step: number;
  readonly steps: number;
}

/** Cosine from `initial` to 0 over `epochs` (Loshchilov and Hutter 2017), by epoch as in the reference. */
export function cosine(initial: number, epoch: number, epochs: number): number {
  return 0.5 * initial * (1 + Math.cos((Math.PI * epoch) / epochs));
}

/** Factor of the learning rate: rises by the same amount each step, to reach 1 with the last of `epochs` (Goyal et al. 2017, section 2.2). */
export function warmUp({ epoch, step, steps }: Position, epochs: number): number {
  const ramp = Math.round(epochs * steps);
  const done = epoch * steps + step;
  return done < ramp ? (done + 1) / ramp : 1;
}

/** The decay of an exponential moving average after so many updates: less at first, as in TensorFlow's ExponentialMovingAverage. */
export function decayAt({ epoch, step, steps }: Position, decay: number): number {
  const updates = epoch * steps + step;
  return Math.min(decay, (1 + updates) / (10 + updates));
}
