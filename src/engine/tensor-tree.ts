/** Nested records and arrays of tensors: what steps take and give. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';

/** A tensor, or an array or record of trees; what else is found in one is refused when it is walked. */
export type TensorTree = object;

function isTensor(tree: object): tree is Tensor {
  return tree instanceof tf.Tensor;
}

function children(tree: TensorTree): [string, TensorTree][] {
  return Object.entries(tree).map(([name, child]: [string, unknown]) => {
    if (typeof child !== 'object' || child === null)
      throw new TypeError(`"${name}" of a tree of tensors is neither a tensor nor a tree: ${String(child)}`);
    return [name, child];
  });
}

/** The tensors of a tree, in its own order. */
export function leaves(tree: TensorTree): Tensor[] {
  if (isTensor(tree)) return [tree];
  return children(tree).flatMap(([, child]) => leaves(child));
}

/** The same with where each is found, e.g. `state.memory.0`. */
export function namedLeaves(tree: TensorTree): [path: string, tensor: Tensor][] {
  if (isTensor(tree)) return [['', tree]];
  return children(tree).flatMap(([name, child]) =>
    namedLeaves(child).map(([path, tensor]): [string, Tensor] => [
      path === '' ? name : `${name}.${path}`,
      tensor,
    ]),
  );
}

/** A tree of the same structure, each tensor replaced. */
export function mapTree<T extends TensorTree>(tree: T, replace: (tensor: Tensor) => Tensor): T {
  const map = (node: TensorTree): TensorTree => {
    if (isTensor(node)) return replace(node);
    const mapped = children(node).map(([name, child]): [string, TensorTree] => [name, map(child)]);
    return Array.isArray(node) ? mapped.map(([, child]) => child) : Object.fromEntries(mapped);
  };
  return map(tree) as T;
}

/** A tree of the same structure as `tree` with `tensors` in the place of its leaves, in order. */
export function withLeaves<T extends TensorTree>(tree: T, tensors: readonly Tensor[]): T {
  const rest = tensors.values();
  return mapTree(tree, leaf => rest.next().value ?? leaf);
}

export function disposeTree(tree: TensorTree): void {
  for (const tensor of leaves(tree)) tensor.dispose();
}

/** The structure, shapes and types of a tree as text: equal for trees that one compiled step can serve. */
export function signature(tree: TensorTree): string {
  if (isTensor(tree)) return `${tree.dtype}[${tree.shape.join(',')}]`;
  return `{${children(tree)
    .map(([name, child]) => `${name}:${signature(child)}`)
    .join(' ')}}`;
}

/** `tf.tidy` for trees: frees all tensors that `make` makes, except those it returns. */
export function tidyTree<T extends TensorTree>(make: () => T): T {
  return tf.tidy(make as unknown as () => tf.TensorContainer) as unknown as T;
}

/** A tree of the same structure, the first row of each tensor repeated at its end: a batch of one image more. */
export function oneMoreRow<T extends TensorTree>(batch: T): T {
  return tidyTree(() => mapTree(batch, tensor => tf.concat([tensor, tf.slice(tensor, 0, 1)])));
}
