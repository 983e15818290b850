/** Arrays in double precision, for expectations that are computed one element at a time. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { normal, stream } from '../../src/random/index.js';

export class NdArray {
  constructor(
    readonly shape: readonly number[],
    readonly values: Float64Array,
    readonly dtype: 'float32' | 'int32' = 'float32',
  ) {}

  /** @throws RangeError outside the array */
  at(...index: readonly number[]): number {
    let place = 0;
    for (const [axis, side] of this.shape.entries()) {
      const i = index[axis] ?? NaN;
      if (!(i >= 0 && i < side)) throw new RangeError(`[${index.join()}] of [${this.shape.join()}]`);
      place = place * side + i;
    }
    return this.values[place] ?? NaN;
  }

  /** The element that broadcasting to a larger shape puts at `index`. */
  broadcast(index: readonly number[]): number {
    const own = index.slice(index.length - this.shape.length);
    return this.at(...own.map((i, axis) => (this.shape[axis] === 1 ? 0 : i)));
  }

  map(f: (value: number) => number): NdArray {
    return new NdArray(this.shape, this.values.map(f));
  }

  tensor<T extends Tensor>(): T {
    return tf.tensor([...this.values], [...this.shape], this.dtype) as unknown as T;
  }
}

/** All indices of an array of this shape, in order. */
function indices(shape: readonly number[]): number[][] {
  return shape.reduce<number[][]>(
    (prefixes, side) => prefixes.flatMap(prefix => Array.from({ length: side }, (_, i) => [...prefix, i])),
    [[]],
  );
}

export function build(
  shape: readonly number[],
  element: (...index: number[]) => number,
  dtype: NdArray['dtype'] = 'float32',
): NdArray {
  return new NdArray(
    shape,
    Float64Array.from(indices(shape), index => element(...index)),
    dtype,
  );
}

/** The sum of `term` over all indices of `shape`. */
export function sum(shape: readonly number[], term: (...index: number[]) => number): number {
  return indices(shape).reduce((total, index) => total + term(...index), 0);
}

/** Standard normal numbers that single precision holds exactly; the same for the same name. */
export function normals(name: string, shape: readonly number[]): NdArray {
  const size = shape.reduce((product, side) => product * side, 1);
  return new NdArray(shape, Float64Array.from(normal(stream(0, name), size)));
}

export function fromTensor(tensor: Tensor): NdArray {
  return new NdArray(tensor.shape, Float64Array.from(tensor.dataSync()));
}
