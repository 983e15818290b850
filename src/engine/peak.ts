/** How much memory a step's intermediate results take at most, read off its recorded graph. */
import type { GraphOutput } from './binding.js';
import type { Graph } from './graph.js';
import { bfloat16 } from './precision.js';
import { backend } from './start.js';
import type { TensorTree } from './tensor-tree.js';
import { disposeTree, leaves, oneMoreRow } from './tensor-tree.js';
import { trace } from './trace.js';

/**
 * The largest number of bytes that results of operations take at one time, when `step` runs on `rows` rows one operation after the
 * other, each result has memory of its own and is freed after its last use. What the step is given and constants are not counted.
 * The step is recorded on one row and on two, from which the sizes at `rows` follow.
 * @param batch tensors of one row each
 */
export function peakBytes<F extends TensorTree, B extends TensorTree>(
  step: (fixed: F, batch: B) => TensorTree,
  fixed: F,
  batch: B,
  rows: number,
): number {
  const record = (rows: B): Graph =>
    trace([fixed, rows] as const, ([fixed, rows]) => leaves(step(fixed, rows)));
  const graph = record(batch);
  const larger = oneMoreRow(batch);
  const two = record(larger);
  disposeTree(larger);
  return peakOf(graph, output => {
    const one = bytesOf(graph, output);
    return one + (rows - 1) * (bytesOf(two, output) - one);
  });
}

/** Bytes of a result, as it was recorded. */
export function bytesOf({ tensors }: Graph, output: GraphOutput): number {
  const { shape = [], dtype } = tensors.get(output) ?? {};
  const size = dtype === backend().binding.TF_BOOL ? 1 : dtype === bfloat16 ? 2 : 4;
  return shape.reduce((product, side) => product * side, size);
}

/** Whether an operation's result is its first input's memory, under another shape perhaps. */
export function isView(op: string): boolean {
  return op === 'Identity' || op === 'Reshape';
}

/** What `peakBytes` tells, of a graph; by default with the sizes that it was recorded with. */
export function peakOf(
  graph: Graph,
  sizeOf = (output: GraphOutput): number => bytesOf(graph, output),
): number {
  const { nodes, outputs, tensors } = graph;
  const memory = new Map<GraphOutput, GraphOutput>();
  const memoryOf = (output: GraphOutput): GraphOutput => memory.get(output) ?? output;
  const made = new Map<GraphOutput, number>();
  const lastUsed = new Map<GraphOutput, number>();
  [...nodes].forEach(([name, node], time) => {
    if (node.kind !== 'operation') return;
    const [first] = node.inputs;
    if (isView(node.op) && first !== undefined) memory.set(`${name}:0`, memoryOf(first));
    for (let i = 0; tensors.has(`${name}:${i}`); i++) made.set(`${name}:${i}`, time);
    for (const input of node.inputs) lastUsed.set(memoryOf(input), time);
  });
  for (const output of outputs) lastUsed.set(memoryOf(output), nodes.size - 1);
  /** By how much what is live grows at each time. */
  const growth = new Float64Array(nodes.size + 1);
  const grow = (time: number, by: number): void => void (growth[time] = (growth[time] ?? 0) + by);
  for (const [output, time] of made) {
    if (memory.has(output)) continue;
    grow(time, sizeOf(output));
    grow((lastUsed.get(output) ?? time) + 1, -sizeOf(output));
  }
  let [live, peak] = [0, 0];
  for (const by of growth) peak = Math.max(peak, (live += by));
  return peak;
}
