/** How many threads each operation of a step has: operations that do not wait for each other are done faster side by side than one after the other by all threads. */
import * as tf from '@tensorflow/tfjs-core';
import type { GraphOutput } from './binding.js';
import type { Graph, Operation } from './graph.js';
import { attributeOf, makerOf } from './graph.js';
import { setThreads, threadsInAll } from './start.js';
import { points } from './winograd.js';

/**
 * What `f` gives, with so many threads for each of TensorFlow's operations; as many operations run at once as there are threads.
 * @param threads each; 0: all
 */
export function withThreads<T>(threads: number, f: () => T): T {
  if (threads === 0) return f();
  setThreads(threads);
  try {
    return f();
  } finally {
    setThreads(0);
  }
}

/** For `withThreads`: as many as are left for each where so many operations of the step's forward pass can run side by side. */
export function threadsOf(graph: Graph): number {
  const all = threadsInAll();
  const each = Math.ceil(all / Math.round(widthOf(graph)));
  return each === all ? 0 : each;
}

/** All multiply-adds of the forward pass over those of its longest chain of operations; at least 1. */
export function widthOf(graph: Graph): number {
  let [all, longest] = [0, 0];
  const until = new Map<string, number>();
  for (const [name, node] of graph.nodes) {
    if (node.kind === 'operation') {
      const own = multiplyAdds(graph, name, node);
      const before = [...node.inputs.map(makerOf), ...(node.after ?? [])].map(maker => until.get(maker) ?? 0);
      const end = Math.max(0, ...before) + own;
      until.set(name, end);
      all += own;
      longest = Math.max(longest, end);
    }
    if (name === graph.forward) break;
  }
  return longest === 0 ? 1 : all / longest;
}

/** Of convolutions and products of matrices; of all else none. */
function multiplyAdds({ tensors }: Graph, name: string, node: Operation): number {
  const shapeOf = (output: GraphOutput): number[] => [...(tensors.get(output)?.shape ?? [])];
  const [first = [], second = []] = node.inputs.map(shapeOf);
  const results = tf.util.sizeFromShape(shapeOf(`${name}:0`));
  switch (node.op) {
    case 'Conv2D':
      return results * tf.util.sizeFromShape(second.slice(0, 3));
    case 'DepthwiseConv2dNative':
    case 'GfnetDepthwise':
      return results * tf.util.sizeFromShape(second.slice(0, 2));
    case 'GfnetWinograd':
      // For each of 16 results, at the points.
      return (results / 16) * points * (first[3] ?? 0);
    case 'MatMul':
      return results * (first.at(attributeOf(node, 'transpose_a')?.value === true ? 0 : 1) ?? 0);
    case 'BatchMatMulV2':
      return results * (first.at(attributeOf(node, 'adj_x')?.value === true ? -2 : -1) ?? 0);
    default:
      return 0;
  }
}
