/** Convolutions by 3 x 3 pixels with fewer multiplications (Lavin and Gray 2016, arXiv 1509.09308), by kernels of ours: native/winograd.h. */
import type { Binding, GraphOutput } from './binding.js';
import type { Convolution } from './convolutions.js';
import { convolutionOf } from './convolutions.js';
import { activationOf } from './fuse.js';
import type { Graph, Node, Operation, TensorDescription } from './graph.js';
import { attributeOf, hasShapeOf, makerOf, usesOf, withAttributes } from './graph.js';
import { NodeWriter } from './node-writer.js';
import { fusedActivations } from './ops.js';

/** Values that stand for a tile of 4 x 4 results, for each pair of channels. */
export const points = 36;

/**
 * The graph with convolutions and their gradients, of float32, 3 x 3 pixels, stride 1 and with a zero at each side, by Winograd's minimal filtering
 * where that is less work; equal up to rounding. What it makes of a filter is made once for all that read it. A bias and an activation after a
 * convolution become part of it.
 * @param prepared whether filters stay the same, so that what is made of them is made beforehand
 */
export function withWinograd(binding: Binding, graph: Graph, prepared: boolean): Graph {
  const nodes = new Map<string, Node>();
  const tensors = new Map(graph.tensors);
  const uses = usesOf(graph);
  /** Whether an operation became part of the convolution before it. */
  const joined = (name: string, node: Operation): boolean => {
    const [before] = node.inputs;
    const maker = before && uses.get(before) === 1 ? nodes.get(makerOf(before)) : undefined;
    if (!before || maker?.kind !== 'operation' || maker.op !== 'GfnetWinograd') return false;
    const isSame = node.op === 'Reshape' && hasShapeOf(graph, name, before);
    const together = isSame ? maker : withAfter(maker, node);
    if (!together) return false;
    nodes.delete(makerOf(before));
    nodes.set(name, together);
    return true;
  };
  for (const [name, node] of graph.nodes) {
    const isOperation = node.kind === 'operation';
    const convolution = isOperation ? suited(binding, graph, name, node, prepared) : undefined;
    if (convolution) new Writer(binding, name, nodes, tensors).write(convolution);
    else if (!isOperation || !joined(name, node)) nodes.set(name, node);
  }
  return { ...graph, nodes, tensors };
}

/** A convolution with what follows it; undefined where they do not go together. */
function withAfter(convolution: Operation, after: Operation): Operation | undefined {
  const given = (name: string): number => Number(attributeOf(convolution, name)?.value);
  if (given('activation') !== fusedActivations.none) return undefined;
  if (after.op === 'BiasAdd' && given('N') === 0) {
    const inputs = [...convolution.inputs, ...after.inputs.slice(1)];
    return { ...withAttributes(convolution, { N: 1 }), inputs };
  }
  const activation = activationOf(after);
  return activation === undefined ? undefined : withAttributes(convolution, { activation });
}

/** Making the values of a filter takes as long as multiplying them with those of so many tiles. */
const tilesOfFilter = 32;

/** A convolution that is quicker this way; undefined for anything else. */
function suited(
  binding: Binding,
  graph: Graph,
  name: string,
  node: Operation,
  prepared: boolean,
): Convolution | undefined {
  const convolution = convolutionOf(graph, name, node);
  if (!convolution) return undefined;
  const { op, type, stride, padding, x, filter } = convolution;
  const [rows, columns, from, to] = filter;
  if (type.value !== binding.TF_FLOAT || rows !== 3 || columns !== 3 || stride !== 1 || padding !== 'SAME')
    return undefined;
  const ofFilter = op === 'Conv2DBackpropFilter';
  const [images, height, width] = x;
  // Of channels in and out; taps see no pixels beyond the sides.
  const direct = images * (3 * height - 2) * (3 * width - 2);
  const tiles = images * Math.ceil(height / 4) * Math.ceil(width / 4);
  const winograd = points * (tiles + (ofFilter || prepared ? 0 : tilesOfFilter));
  const isLess = Math.min(from, to) >= (ofFilter ? 32 : 16) && winograd < 0.8 * direct;
  return isLess ? convolution : undefined;
}

class Writer extends NodeWriter {
  write({ op, inputs, filter }: Convolution): void {
    const [first, second, third] = inputs as [GraphOutput, GraphOutput, GraphOutput];
    const last = (operation: Omit<Operation, 'kind'>): GraphOutput =>
      this.operation(undefined, operation, this.shapeOf(`${this.name}:0`));
    if (op === 'Conv2DBackpropFilter') {
      last({ op: 'GfnetWinogradGrad', inputs: [first, third], attributes: [] });
      return;
    }
    const turned = op === 'Conv2DBackpropInput';
    const image = turned ? third : first;
    last({
      op: 'GfnetWinograd',
      inputs: [image, this.values(second, filter, turned)],
      attributes: [this.integer('N', 0), this.integer('activation', fusedActivations.none)],
    });
  }

  /** @param turned for the gradient */
  private values(
    filter: GraphOutput,
    [, , from, to]: TensorDescription['shape'],
    turned: boolean,
  ): GraphOutput {
    const name = `${filter.replace(':', '_')}_${turned ? 'turned' : 'winograd'}`;
    const attributes = [this.bool('turned', turned)];
    const channels = turned ? [to, from] : [from, to];
    this.nodes.set(name, { kind: 'operation', op: 'GfnetWinogradFilter', inputs: [filter], attributes });
    this.tensors.set(`${name}:0`, {
      dtype: this.binding.TF_FLOAT,
      shape: [points, ...(channels as number[])],
    });
    return `${name}:0`;
  }
}
