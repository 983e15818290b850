/** The native binding of tfjs-node as this engine uses it: its own calls, and those our patch adds (native/binding.patch). */

export interface TensorHandle {
  readonly id: number;
  readonly shape: number[];
  readonly dtype: number;
}

export interface OpAttribute {
  readonly name: string;
  readonly type: number;
  readonly value: AttributeValue | readonly AttributeValue[];
}

export type AttributeValue = string | number | boolean | readonly number[];

export type TensorValues = Float32Array | Int32Array | Uint8Array;

/** Where a graph's value comes from: `node:index`. */
export type GraphOutput = `${string}:${number}`;

export interface Binding {
  readonly TF_Version: string;
  readonly TF_FLOAT: number;
  readonly TF_INT32: number;
  readonly TF_BOOL: number;
  readonly TF_ATTR_STRING: number;
  readonly TF_ATTR_INT: number;
  readonly TF_ATTR_FLOAT: number;
  readonly TF_ATTR_BOOL: number;
  readonly TF_ATTR_TYPE: number;
  readonly TF_ATTR_SHAPE: number;
  createTensor(shape: number[], dtype: number, values: TensorValues): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): TensorValues;
  executeOp(
    name: string,
    attributes: readonly OpAttribute[],
    inputs: readonly number[],
    outputs: number,
  ): TensorHandle[];
  /** Absent without the patch, like those below. */
  addFunction?(
    name: string,
    graphDef: Uint8Array,
    inputs: readonly GraphOutput[],
    outputs: readonly GraphOutput[],
  ): void;
  removeFunction?(name: string): void;
  opDefinitions?(): Buffer;
  /** Starts this process's server of collective operations, as a serialised ServerDef says; before any tensor is made. */
  enableCollectives?(serverDef: Uint8Array): void;
  /** From now on asks `tasks` for a sign of life, every `interval` ms; collective operations fail when one gives none within `timeout` ms. */
  watchPeers?(tasks: readonly string[], interval: number, timeout: number): void;
  /** Why one of them is given up; empty while none is. */
  lostPeer?(): string;
}
