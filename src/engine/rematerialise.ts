/** Less memory for more time: what the forward pass leaves for the backward pass is computed again where it is needed (Chen et al. 2016, arXiv 1604.06174). */
import type { GraphOutput } from './binding.js';
import type { Graph, Node, Operation, TensorDescription } from './graph.js';
import { makerOf } from './graph.js';
import { bytesOf, isView, peakOf } from './peak.js';

/**
 * The graph of a training step with its forward pass cut into `count` segments. Only what one segment hands to another is kept until the
 * backward pass; it computes the rest of a segment again, from the last to the first, each when it is done with the one after. The same
 * operations on the same values: results do not change by a bit.
 *
 * @param count at least 2; the last segment is not computed again
 */
export function rematerialise(graph: Graph, count: number): Graph {
  const { nodes, outputs, forward } = graph;
  const names = [...nodes.keys()];
  const turn = forward === undefined ? -1 : names.indexOf(forward) + 1;
  if (turn <= 0) return graph;
  const times = new Map(names.map((name, time) => [name, time]));
  const madeAt = (output: GraphOutput): number => times.get(makerOf(output)) ?? 0;
  const cuts = cutsOf(graph, turn, count, madeAt);
  const segmentAt = (time: number): number => cuts.filter(cut => cut <= time).length;

  // What later segments or the caller read stays.
  const kept = new Set<GraphOutput>(outputs);
  const forwardPass = [...nodes].slice(0, turn);
  for (const [time, [, node]] of forwardPass.entries()) {
    for (const input of inputsOf(node)) if (segmentAt(madeAt(input)) < segmentAt(time)) kept.add(input);
  }
  const again = (output: GraphOutput): boolean =>
    !kept.has(output) &&
    nodes.get(makerOf(output))?.kind === 'operation' &&
    madeAt(output) < turn &&
    segmentAt(madeAt(output)) < cuts.length;

  const result = new Map(forwardPass);
  const tensors = new Map<GraphOutput, TensorDescription>(graph.tensors);
  /** Of each segment: the backward operations that read what it left. */
  const readers: string[][] = Array.from({ length: cuts.length + 1 }, () => []);
  const opened = new Set<number>();

  /** Nothing of a segment is computed again before what needed the one after it is done. */
  const gateOf = (segment: number): string => {
    const gate = `again${segment}`;
    if (!opened.has(segment)) {
      opened.add(segment);
      const after = readers.slice(segment + 1).find(list => list.length > 0) ?? [];
      result.set(gate, { kind: 'operation', op: 'NoOp', inputs: [], attributes: [], after });
    }
    return gate;
  };
  /** The second computation of `output`, with all within its segment that leads to it. */
  const recompute = (output: GraphOutput): GraphOutput => {
    if (!again(output)) return output;
    const maker = makerOf(output);
    const name = `${maker}_again`;
    const renamed: GraphOutput = `${name}:${Number(output.slice(maker.length + 1))}`;
    if (result.has(name)) return renamed;
    const node = nodes.get(maker) as Operation;
    const inputs = node.inputs.map(recompute);
    const first = inputs.every((input, i) => input === node.inputs[i]);
    const after = first ? [gateOf(segmentAt(madeAt(output)))] : [];
    result.set(name, { ...node, inputs, after });
    for (let i = 0; tensors.has(`${maker}:${i}`); i++) {
      tensors.set(`${name}:${i}`, tensors.get(`${maker}:${i}`) as TensorDescription);
    }
    return renamed;
  };
  for (const name of names.slice(turn)) {
    const node = nodes.get(name) as Node;
    if (node.kind !== 'operation') {
      result.set(name, node);
      continue;
    }
    const inputs = node.inputs.map(recompute);
    result.set(name, { ...node, inputs });
    const read = node.inputs.map(madeAt).filter(time => time < turn);
    for (const segment of new Set(read.map(segmentAt))) readers[segment]?.push(name);
  }
  return { ...graph, nodes: result, tensors };
}

function inputsOf(node: Node): readonly GraphOutput[] {
  return node.kind === 'operation' ? node.inputs : [];
}

/** Where segments begin, but the first: each leaves about as much to the backward pass, and hands little to the next. */
function cutsOf(
  graph: Graph,
  turn: number,
  count: number,
  madeAt: (output: GraphOutput) => number,
): number[] {
  const { nodes, tensors } = graph;
  const left = new Float64Array(turn);
  const handed = new Float64Array(turn + 1);
  const lastUsed = new Map<GraphOutput, number>();
  const forBackward = new Set<GraphOutput>();
  [...nodes.values()].forEach((node, time) => {
    for (const input of inputsOf(node)) {
      if (time < turn) lastUsed.set(input, time);
      else forBackward.add(input);
    }
  });
  for (const output of tensors.keys()) {
    const made = madeAt(output);
    const node = nodes.get(makerOf(output));
    if (made >= turn || node?.kind !== 'operation' || isView(node.op)) continue;
    const bytes = bytesOf(graph, output);
    if (forBackward.has(output)) left[made] = (left[made] ?? 0) + bytes;
    const last = lastUsed.get(output) ?? made;
    handed[made + 1] = (handed[made + 1] ?? 0) + bytes;
    handed[last + 1] = (handed[last + 1] ?? 0) - bytes;
  }
  const before = running(left);
  const crossing = running(handed);
  const all = before.at(-1) ?? 0;
  const cuts = new Set<number>();
  for (let i = 1; i < count; i++) {
    // Within a third of a segment around the even cut.
    const near = (time: number): boolean =>
      Math.abs((before[time - 1] ?? 0) - (all * i) / count) <= all / count / 3;
    let best: number | undefined;
    for (let time = 1; time < turn; time++) {
      if (near(time) && (best === undefined || (crossing[time] ?? 0) < (crossing[best] ?? 0))) best = time;
    }
    if (best !== undefined) cuts.add(best);
  }
  return [...cuts].sort((a, b) => a - b);
}

function running(values: Float64Array): Float64Array {
  let sum = 0;
  return values.map(value => (sum += value));
}

/** Into how many segments a forward pass is cut, from what takes least time to what takes least memory. */
const counts = [2, 3, 4, 6, 8, 12, 16, 24, 32];

/** A graph, and the bytes that its results take at most at one time: `all` of the graph as it was recorded. */
interface Suited {
  readonly graph: Graph;
  readonly peak: number;
  readonly all: number;
}

/**
 * The graph as it is, where its results take at most `limit` bytes (as `peakOf` counts them); else computed again in as few segments as
 * take no more, or where there are none, in those that take least.
 */
export function withinMemory(graph: Graph, limit: number): Suited {
  const all = peakOf(graph);
  let best: Suited = { graph, peak: all, all };
  for (const count of counts) {
    if (best.peak <= limit) break;
    const again = rematerialise(graph, count);
    const peak = peakOf(again);
    if (peak < best.peak) best = { graph: again, peak, all };
  }
  return best;
}
