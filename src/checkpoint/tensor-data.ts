/** Tensors as plain arrays: what files hold and the engine is given. */

interface Float32Data {
  readonly dtype: 'float32';
  readonly shape: readonly number[];
  /** Row-major. */
  readonly values: Float32Array;
}

interface Int32Data {
  readonly dtype: 'int32';
  readonly shape: readonly number[];
  /** Row-major. */
  readonly values: Int32Array;
}

export type TensorData = Float32Data | Int32Data;

/** How many elements a tensor of this shape has. */
export function elements(shape: readonly number[]): number {
  return shape.includes(0) ? 0 : shape.reduce((product, side) => product * side, 1);
}

/** The distance of neighbours along each axis, in elements, of a row-major tensor. */
export function rowMajorStrides(shape: readonly number[]): number[] {
  let stride = 1;
  const strides = shape.toReversed().map(side => {
    const own = stride;
    stride *= side;
    return own;
  });
  return strides.reverse();
}
