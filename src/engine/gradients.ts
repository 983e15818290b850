/** Gradients of a loss with respect to a record of parameters, with auxiliary results. */
import * as tf from '@tensorflow/tfjs-core';
import type { Scalar, Tensor } from '@tensorflow/tfjs-core';
import type { TensorTree } from './tensor-tree.js';
import { mapTree, leaves } from './tensor-tree.js';
import { beginBackward } from './trace.js';

export type Tensors = Readonly<Record<string, Tensor>>;

export interface Differentiated<A extends TensorTree> {
  readonly loss: Scalar;
  readonly gradients: Tensors;
  readonly auxiliary: A;
}

/**
 * The loss, its gradient for each of `parameters` (zero for those it does not depend on), and what else `f` computed on the way.
 * Call it within `tf.tidy`.
 */
export function differentiate<A extends TensorTree>(
  parameters: Tensors,
  f: (parameters: Tensors) => { loss: Scalar; auxiliary: A },
): Differentiated<A> {
  const names = Object.keys(parameters);
  let kept: A | undefined;
  const { value, grads } = tf.engine().gradients(
    () => {
      const { loss, auxiliary } = f(parameters);
      kept = mapTree(auxiliary, tensor => tf.keep(tensor.clone()));
      beginBackward();
      return loss;
    },
    Object.values(parameters),
    undefined,
    true,
  );
  const auxiliary = mapTree(kept as A, tensor => tensor.clone());
  for (const tensor of leaves(kept as A)) tensor.dispose();
  return {
    loss: value,
    gradients: Object.fromEntries(
      names.map((name, i) => [name, grads[i] ?? tf.zerosLike(parameters[name] as Tensor)]),
    ),
    auxiliary,
  };
}

/** What `f` returns, taken as constant by any gradient: nothing it does is put on tfjs's tape. */
export function withoutGradient<T>(f: () => T): T {
  // tfjs puts only outermost kernels on its tape; within a kernel, nothing.
  const { state } = tf.engine() as unknown as { state: { kernelDepth: number } };
  state.kernelDepth++;
  try {
    return f();
  } finally {
    state.kernelDepth--;
  }
}
