/** Initial values of parameters. */
import { normal, uniform } from '../random/index.js';
import type { Initialiser } from './scope.js';

function size(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}

export const zeros: Initialiser = shape => new Float32Array(size(shape));
export const ones: Initialiser = shape => new Float32Array(size(shape)).fill(1);

/** He et al. 2015, fan out: a filter [k, k, in, out] is normal with variance 2 / (k k out); a depthwise one is [k, k, c, 1]. */
export const heNormal: Initialiser = (shape, random) => {
  const fanOut = size(shape) / (shape[2] ?? 1);
  return normal(random, size(shape)).map(value => value * Math.sqrt(2 / fanOut));
};

/** PyTorch's default for linear and recurrent layers: uniform in +-1 / sqrt(fan). */
export const uniformOver =
  (fan: number): Initialiser =>
  (shape, random) =>
    uniform(random, size(shape)).map(value => (2 * value - 1) / Math.sqrt(fan));
