/** Convolutions that see one pixel at a time are matrix products: TensorFlow's take their operands as they lie, where its convolutions bring filters into another order first. */
import type { Binding, GraphOutput, OpAttribute, TensorValues } from './binding.js';
import type { Convolution, Image } from './convolutions.js';
import { convolutionOf } from './convolutions.js';
import type { Graph, Node, Operation, TensorDescription } from './graph.js';
import { hasShapeOf, makerOf, usesOf, withAttributes } from './graph.js';
import { NodeWriter } from './node-writer.js';
import { hasKernels } from './start.js';

/** What is done to each pixel by itself: TensorFlow joins it to a product that it follows. */
const pointwise = new Set(['BiasAdd', 'Relu', 'Relu6', 'GfnetActivation']);

/**
 * The graph with such convolutions and their gradients as products of matrices of [pixels, channels], equal up to rounding, which become images
 * again after what follows pixel by pixel.
 */
export function asProducts(binding: Binding, graph: Graph): Graph {
  const nodes = new Map<string, Node>();
  const tensors = new Map(graph.tensors);
  const uses = usesOf(graph);
  /** Products that became images. */
  const images = new Set<GraphOutput>();
  /** Whether an operation was done to the rows of a product, before that is an image. */
  const joined = (name: string, node: Operation): boolean => {
    const [input, ...rest] = node.inputs;
    const image = input && images.has(input) && uses.get(input) === 1 ? nodes.get(makerOf(input)) : undefined;
    const isJoined = pointwise.has(node.op) || node.op === 'Reshape';
    if (!input || image?.kind !== 'operation' || !isJoined || !hasShapeOf(graph, name, input)) return false;
    const [before, sizes] = image.inputs as [GraphOutput, GraphOutput];
    const rows: GraphOutput = node.op === 'Reshape' ? before : `${name}_rows:0`;
    if (rows !== before) {
      nodes.set(makerOf(rows), { ...node, inputs: [before, ...rest] });
      tensors.set(rows, tensors.get(before) as TensorDescription);
    }
    nodes.delete(makerOf(input));
    nodes.set(name, { ...image, inputs: [rows, sizes] });
    images.add(`${name}:0`);
    return true;
  };
  /** Whether an operation lays zeros after pixels that were spread, which are then spread over those as well. */
  const padded = (name: string, { op, inputs }: Operation): boolean => {
    const [input, sides] = inputs;
    if (!input || !sides || !op.startsWith('Pad') || uses.get(input) !== 1) return false;
    const spread = nodes.get(makerOf(input));
    const [, height, width] = tensors.get(`${name}:0`)?.shape ?? [];
    if (spread?.kind !== 'operation' || spread.op !== 'GfnetSpread' || !height || !width) return false;
    // Before and after, for each axis.
    if (constantOf(nodes, sides)?.some((count, i) => i % 2 === 0 && count !== 0) !== false) return false;
    nodes.delete(makerOf(input));
    nodes.set(name, withAttributes(spread, { height, width }));
    return true;
  };
  for (const [name, node] of graph.nodes) {
    const convolution = node.kind === 'operation' ? byOnePixel(graph, name, node) : undefined;
    if (convolution) {
      new Writer(binding, name, nodes, tensors).write(convolution);
      if (convolution.op === 'Conv2D') images.add(`${name}:0`);
    } else if (node.kind !== 'operation' || !(joined(name, node) || padded(name, node)))
      nodes.set(name, node);
  }
  return { ...graph, nodes, tensors };
}

function constantOf(nodes: ReadonlyMap<string, Node>, output: GraphOutput): TensorValues | undefined {
  const node = nodes.get(makerOf(output));
  return node?.kind === 'constant' ? node.values : undefined;
}

/** What an image was before pixels at its end were cut off, which no window at a stride sees. */
function wholeOf(nodes: ReadonlyMap<string, Node>, tensors: Graph['tensors'], x: GraphOutput): GraphOutput {
  const cut = nodes.get(makerOf(x));
  if (cut?.kind !== 'operation' || cut.op !== 'Slice') return x;
  const [whole, begin] = cut.inputs as [GraphOutput, GraphOutput];
  // Of as many images and channels.
  const isCut = [0, 3].some(axis => tensors.get(whole)?.shape[axis] !== tensors.get(x)?.shape[axis]);
  return !isCut && constantOf(nodes, begin)?.every(value => value === 0) ? whole : x;
}

/** A convolution by one pixel; undefined for anything else. */
function byOnePixel(graph: Graph, name: string, node: Operation): Convolution | undefined {
  const convolution = convolutionOf(graph, name, node);
  if (!convolution) return undefined;
  const { x, y, filter, stride } = convolution;
  // Every stride-th pixel, with none left at the end.
  const fits = [1, 2].every(axis => x[axis] === ((y[axis] ?? 0) - 1) * stride + 1);
  const isSeen = filter[0] === 1 && filter[1] === 1 && fits && (stride === 1 || hasKernels());
  return isSeen ? convolution : undefined;
}

class Writer extends NodeWriter {
  write(convolution: Convolution): void {
    const { op, inputs, x, filter, y } = convolution;
    const [first, second, third] = inputs as [GraphOutput, GraphOutput, GraphOutput];
    const matrix = (part: string, from: GraphOutput, columns: number): GraphOutput =>
      this.reshape(convolution, part, from, [-1, columns]);
    const product = (
      a: GraphOutput,
      b: GraphOutput,
      rows: number,
      columns: number,
      turned: 'a' | 'b' | 'none',
    ) =>
      this.operation(
        'product',
        {
          op: 'MatMul',
          inputs: [a, b],
          attributes: [
            convolution.type,
            this.bool('transpose_a', turned === 'a'),
            this.bool('transpose_b', turned === 'b'),
          ],
        },
        [rows, columns],
      );
    const pixels = y[0] * y[1] * y[2];
    const [from, to] = [x[3], y[3]];
    switch (op) {
      case 'Conv2D': {
        const seen = matrix('rows', this.seen(convolution, first), from);
        const result = product(seen, matrix('matrix', second, to), pixels, to, 'none');
        this.reshape(convolution, undefined, result, [-1, y[1], y[2], to]);
        return;
      }
      case 'Conv2DBackpropFilter': {
        const seen = matrix('rows', this.seen(convolution, first), from);
        const result = product(seen, matrix('gradient', third, to), from, to, 'a');
        this.reshape(convolution, undefined, result, filter);
        return;
      }
      case 'Conv2DBackpropInput': {
        const gradient = matrix('gradient', third, to);
        const taps = matrix('matrix', second, to);
        // oneDNN takes a third longer for a long sum over a matrix that is to be turned than for one that was.
        const isLong = to > from && convolution.type.value === this.binding.TF_FLOAT;
        const result = isLong
          ? product(gradient, this.turned(convolution, taps, [to, from]), pixels, from, 'none')
          : product(gradient, taps, pixels, from, 'b');
        const isWhole = convolution.stride === 1;
        const seen = this.reshape(convolution, isWhole ? undefined : 'seen', result, [-1, y[1], y[2], from]);
        if (!isWhole) this.spread(convolution, seen);
      }
    }
  }

  /** The pixels that are seen: every stride-th. */
  private seen({ stride, y, x: [, , , channels], ...convolution }: Convolution, x: GraphOutput): GraphOutput {
    if (stride === 1) return x;
    const shape = [y[0], y[1], y[2], channels] as const;
    const attributes = this.strided(convolution.type, stride, shape);
    const inputs = [wholeOf(this.nodes, this.tensors, x)];
    return this.operation('seen', { op: 'GfnetEvery', inputs, attributes }, shape);
  }

  /** Their gradient, with zeros for those that are not seen. */
  private spread({ type, stride, x }: Convolution, seen: GraphOutput): void {
    const attributes = this.strided(type, stride, x);
    this.operation(undefined, { op: 'GfnetSpread', inputs: [seen], attributes }, x);
  }

  private strided(type: OpAttribute, stride: number, [, height, width]: Image): OpAttribute[] {
    return [
      type,
      this.integer('stride', stride),
      this.integer('height', height),
      this.integer('width', width),
    ];
  }

  private turned({ type }: Convolution, matrix: GraphOutput, shape: readonly [number, number]): GraphOutput {
    const axes = this.constant('axes', Int32Array.of(1, 0));
    const axesType = { name: 'Tperm', type: this.binding.TF_ATTR_TYPE, value: this.binding.TF_INT32 };
    return this.operation(
      'turned',
      { op: 'Transpose', inputs: [matrix, axes], attributes: [type, axesType] },
      shape,
    );
  }

  /** @param part undefined for the last node */
  private reshape(
    { type }: Convolution,
    part: string | undefined,
    from: GraphOutput,
    shape: readonly number[],
  ): GraphOutput {
    const sizes = this.constant(`${part ?? 'whole'}_shape`, Int32Array.from(shape));
    const shapeType = { name: 'Tshape', type: this.binding.TF_ATTR_TYPE, value: this.binding.TF_INT32 };
    const count = this.shapeOf(from).reduce((product, side) => product * side, 1);
    const known = shape.reduce((product, side) => (side === -1 ? product : product * side), 1);
    const sides = shape.map(side => (side === -1 ? count / known : side));
    return this.operation(
      part,
      { op: 'Reshape', inputs: [from, sizes], attributes: [type, shapeType] },
      sides,
    );
  }
}
