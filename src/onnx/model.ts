/** An ONNX model in memory: nodes in order of execution, with constants as inputs of the nodes that read them. */

/** A tensor that is known when the model is written. */
export interface Constant {
  readonly shape: readonly number[];
  /** Row-major; integers of four bytes become int64, as ONNX takes sizes and indices, where `type` does not say otherwise. */
  readonly values: Float32Array | Int32Array | Int8Array | Uint8Array;
  readonly type?: 'int32';
}

/** A row of integers: sizes, places or axes. */
export function integers(...values: readonly number[]): Constant {
  return { shape: [values.length], values: Int32Array.from(values) };
}

export type Attribute =
  | { readonly int: number }
  | { readonly ints: readonly number[] }
  | { readonly float: number }
  /** The body of a loop; it sees the values around it. */
  | { readonly graph: OnnxModel }
  | { readonly string: string };

export interface OnnxNode {
  readonly op: string;
  /** Names of what other nodes give, or constants. */
  inputs: readonly (string | Constant)[];
  outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** A size of a tensor; -k stands for k times the number of images. */
export type Size = number;

/** What the model takes or gives. */
export interface Port {
  readonly name: string;
  readonly shape: readonly Size[];
  /** float32 when absent. */
  readonly type?: 'uint8' | 'int64' | 'bool';
  /** What the number of its rows is called; `n` when absent. */
  readonly rows?: string;
}

export interface OnnxModel {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
}
