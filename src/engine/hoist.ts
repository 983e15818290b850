/** Takes out of a graph what depends on its first inputs alone, to be computed once as long as those stay the same. */
import type { GraphOutput } from './binding.js';
import type { Graph, Node } from './graph.js';
import { makerOf } from './graph.js';

export interface Hoisted {
  /** From the fixed inputs to what `rest` needs of them. */
  readonly prepare: Graph;
  /** The same as the graph was, its inputs preceded by the outputs of `prepare`. */
  readonly rest: Graph;
}

/** @param fixed how many of the graph's inputs, from the first, stay the same */
export function hoist(graph: Graph, fixed: number): Hoisted {
  const { nodes, inputs, outputs, tensors } = graph;
  const fixedInputs = inputs.slice(0, fixed);
  const fixedNodes = new Set(fixedInputs.map(makerOf));
  const early = earlyNodes(graph, fixedNodes);
  const isEarly = (output: GraphOutput): boolean => early.has(makerOf(output));
  const needed = new Set(
    [...nodes].flatMap(([name, node]) =>
      node.kind === 'operation' && !early.has(name) ? node.inputs.filter(isEarly) : [],
    ),
  );
  const prepareNodes = new Map<string, Node>();
  const restNodes = new Map<string, Node>();
  for (const [name, node] of nodes) {
    if (node.kind === 'constant' || early.has(name) || fixedNodes.has(name)) prepareNodes.set(name, node);
    if (!early.has(name)) restNodes.set(name, node);
  }
  const placeholders = new Map<GraphOutput, GraphOutput>();
  for (const output of needed) {
    const name = `${makerOf(output)}_prepared${output.slice(output.lastIndexOf(':') + 1)}`;
    const described = tensors.get(output);
    if (!described) throw new RangeError(`${output} has no description`);
    restNodes.set(name, { kind: 'placeholder', ...described });
    placeholders.set(output, `${name}:0`);
  }
  const read = (output: GraphOutput): GraphOutput => placeholders.get(output) ?? output;
  for (const [name, node] of restNodes)
    if (node.kind === 'operation') restNodes.set(name, { ...node, inputs: node.inputs.map(read) });
  return {
    prepare: { ...graph, nodes: prepareNodes, inputs: fixedInputs, outputs: [...needed] },
    rest: { nodes: restNodes, inputs: [...placeholders.values(), ...inputs], outputs, tensors },
  };
}

/** The operations that read fixed inputs, and nothing that follows the others. */
function earlyNodes({ nodes, outputs }: Graph, fixed: ReadonlySet<string>): ReadonlySet<string> {
  // What the graph gives is made anew at each call, for the caller owns it.
  const given = new Set(outputs.map(makerOf));
  const early = new Set<string>();
  for (const [name, node] of nodes) {
    if (node.kind !== 'operation' || given.has(name)) continue;
    const makers = node.inputs.map(makerOf);
    const known = (maker: string): boolean => fixed.has(maker) || early.has(maker);
    if (makers.some(known) && makers.every(maker => known(maker) || nodes.get(maker)?.kind === 'constant'))
      early.add(name);
  }
  return early;
}
