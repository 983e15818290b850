/** A model that answers after every step, each answer costing more than the last; GFNet is the first of them. */
import type { Tensor2D, Tensor4D } from '@tensorflow/tfjs-core';
import type { TensorTree } from '../engine/tensor-tree.js';
import type { Variables } from '../nn/scope.js';

/** What a step gets: rows are images. */
export interface StepInput {
  /** [n, side, side, channels], pixel values in [0, 1]. */
  readonly images: Tensor4D;
  /** What the step before left. */
  readonly state: TensorTree;
}

export interface StepOutput {
  /** [n, classes] */
  readonly logits: Tensor2D;
  readonly state: TensorTree;
  /** [n, 2]: where the step looked, (row, column) in [0, 1]; absent where it saw the whole image. */
  readonly action?: Tensor2D;
}

/** A pure function of tensors, for any batch size. Steps that compute the same share one function, so that it is compiled once. */
export type Step = (variables: Variables, input: StepInput) => StepOutput;

export interface AnytimeModel {
  readonly classes: readonly string[];
  /** Height, width and channels of the images it takes. */
  readonly side: number;
  readonly channels: number;
  /** As they are now: asked for anew at each step, since they change while the model is trained. */
  variables(): Variables;
  readonly steps: readonly Step[];
  /** Multi-Adds of each step alone, for one image. */
  readonly multiAdds: readonly number[];
  /** The state before the first step, for `n` images; the caller frees it. `first` is the place of the first of them in its set. */
  initial(n: number, first: number): TensorTree;
}
