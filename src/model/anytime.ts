/** A model that answers after every step, each answer costing more than the last; GFNet is the first of them. */
import type { Tensor2D, Tensor4D } from '@tensorflow/tfjs-core';
import type { TensorTree } from '../engine/tensor-tree.js';

/** One step: what it computes for a batch, and what it costs an image. */
export interface AnytimeStep<State extends TensorTree> {
  /** Multi-Adds of this step alone, for one image. */
  readonly multiAdds: number;
  /**
   * Pure function of tensors, for any batch size n; `state` is what the step before left (rows are images).
   * Steps that compute the same thing share one function object, so that it is compiled once.
   */
  readonly run: (
    parameters: TensorTree,
    batch: { readonly images: Tensor4D; readonly state: State },
  ) => StepOutput<State>;
}

export interface StepOutput<State extends TensorTree> {
  /** [n, classes] */
  readonly logits: Tensor2D;
  readonly state: State;
  /** [n, 2]: where the step looked, (row, column) in [0, 1]; absent where it saw the whole image. */
  readonly action?: Tensor2D;
}
