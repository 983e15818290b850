/** Convolutions by 3 x 3 pixels with fewer multiplications (Lavin and Gray 2016, arXiv 1509.09308), by kernels of ours: native/winograd.h. */
import type { Binding, GraphOutput } from './binding.js';
import type { Convolution } from './convolutions.js';
import { convolutionOf } from './convolutions.js';
import type { Graph, Node, Operation, TensorDescription } from './graph.js';
import { NodeWriter } from './node-writer.js';

/** Values that stand for a tile of 4 x 4 results, for each pair of channels. */
export const points = 36;

/**
 * The graph with convolutions and their gradients, of float32, 3 x 3 pixels, stride 1 and with a zero at each side, by Winograd's minimal filtering
 * where that is less work; equal up to rounding. What it makes of a filter is made once for all that read it.
 */
export function withWinograd(binding: Binding, graph: Graph): Graph {
  const nodes = new Map<string, Node>();
  const tensors = new Map(graph.tensors);
  for (const [name, node] of graph.nodes) {
    const convolution = node.kind === 'operation' ? suited(binding, graph, name, node) : undefined;
    if (convolution) new Writer(binding, name, nodes, tensors).write(convolution);
    else nodes.set(name, node);
  }
  return { ...graph, nodes, tensors };
}

/** Making the values of a filter takes as long as multiplying them with those of so many tiles. */
const tilesOfFilter = 32;

/** A convolution that is quicker this way; undefined for anything else. */
function suited(binding: Binding, graph: Graph, name: string, node: Operation): Convolution | undefined {
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
  const winograd = points * (tiles + (ofFilter ? 0 : tilesOfFilter));
  const isLess = Math.min(from, to) >= (ofFilter ? 32 : 16) && winograd < 0.8 * direct;
  return isLess ? convolution : undefined;
}

class Writer extends NodeWriter {
  write({ op, inputs, filter }: Convolution): void {
    const [first, second, third] = inputs as [GraphOutput, GraphOutput, GraphOutput];
    const operation = (op: string, inputs: readonly GraphOutput[]): GraphOutput =>
      this.operation(undefined, { op, inputs, attributes: [] }, this.shapeOf(`${this.name}:0`));
    if (op === 'Conv2DBackpropFilter') operation('GfnetWinogradGrad', [first, third]);
    else if (op === 'Conv2D') operation('GfnetWinograd', [first, this.values(second, filter, false)]);
    else operation('GfnetWinograd', [third, this.values(second, filter, true)]);
  }

  /** @param turned for the gradient */
  private values(
    filter: GraphOutput,
    [, , from, to]: TensorDescription['shape'],
    turned: boolean,
  ): GraphOutput {
    const name = `${filter.replace(':', '_')}_${turned ? 'turned' : 'winograd'}`;
    const attributes = [{ name: 'turned', type: this.binding.TF_ATTR_BOOL, value: turned }];
    const channels = turned ? [to, from] : [from, to];
    this.nodes.set(name, { kind: 'operation', op: 'GfnetWinogradFilter', inputs: [filter], attributes });
    this.tensors.set(`${name}:0`, {
      dtype: this.binding.TF_FLOAT,
      shape: [points, ...(channels as number[])],
    });
    return `${name}:0`;
  }
}
