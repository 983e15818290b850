/**
 * Mixed precision (Kalamkar et al. 2019, arXiv 1905.12322): products, and operations on images between them, in bfloat16; everything
 * else in float32.
 */
import type { Binding, GraphOutput, OpAttribute } from './binding.js';
import type { Graph, Node, Operation, TensorDescription } from './graph.js';
import { makerOf, withAttributes } from './graph.js';
import { opDefinition, typeAttributes } from './op-definitions.js';

export const precisions = ['float32', 'bfloat16'] as const;
/** Of products and activations; parameters, statistics, softmax and losses are float32 in either. */
export type Precision = (typeof precisions)[number];

/** DT_BFLOAT16 of TensorFlow's types.proto. */
export const bfloat16 = 14;

/** In bfloat16 wherever they stand; their kernels add up in float32. */
const products = new Set([
  ...['Conv2D', 'Conv2DBackpropInput', 'Conv2DBackpropFilter'],
  ...['GfnetDepthwise', 'GfnetDepthwiseInput', 'GfnetDepthwiseFilter'],
  ...['MatMul', 'BatchMatMul', 'BatchMatMulV2'],
]);

/** On images in the type of their largest operand; their kernels compute in float32 and round the result. */
const between = new Set([
  // Their statistics are float32 always.
  ...['FusedBatchNormV3', 'FusedBatchNormGradV3'],
  ...['Relu', 'ReluGrad', 'Relu6', 'Relu6Grad', 'GfnetActivation', 'GfnetActivationGrad'],
  ...['Add', 'AddV2', 'AddN', 'Sub', 'Mul', 'RealDiv', 'Mean', 'Sum'],
  ...['MaxPool', 'MaxPoolGrad', 'AvgPool', 'AvgPoolGrad'],
  ...['Pad', 'PadV2', 'Slice', 'ConcatV2', 'Split', 'Reshape', 'BroadcastTo'],
]);

/**
 * The graph, which must be of float32, with convolutions and matrix products, and what lies on images between them, in bfloat16. It takes
 * and gives what it did: parameters are cast once, and casts stand only where types meet. Sums, a batch norm's statistics and
 * optimizers, whose operands are parameters, stay in float32.
 */
export function inBfloat16(binding: Binding, graph: Graph): Graph {
  const rewriter = new Rewriter(binding, graph);
  for (const [name, node] of graph.nodes) rewriter.add(name, node);
  return rewriter.finish();
}

class Rewriter {
  private readonly nodes = new Map<string, Node>();
  private readonly tensors: Map<GraphOutput, TensorDescription>;
  /** What is to be read in bfloat16, also where it was computed in float32 for speed. */
  private readonly narrow = new Set<GraphOutput>();

  constructor(
    private readonly binding: Binding,
    private readonly graph: Graph,
  ) {
    this.tensors = new Map(graph.tensors);
  }

  add(name: string, node: Node): void {
    if (node.kind !== 'operation' || !this.isNarrow(name, node)) {
      this.nodes.set(name, node.kind === 'operation' ? this.withInputs(node, () => false) : node);
      return;
    }
    const { takes, gives } = typedOf(this.binding, node);
    this.nodes.set(
      name,
      this.withInputs(withAttributes(node, { T: bfloat16 }), i => takes[i] === true),
    );
    gives.forEach((isTyped, i) => {
      const output: GraphOutput = `${name}:${i}`;
      if (!isTyped) return;
      // Optimizers go on with the gradients of filters.
      if (!node.op.endsWith('Filter')) this.narrow.add(output);
      this.tensors.set(output, { ...this.tensor(output), dtype: bfloat16 });
    });
  }

  finish(): Graph {
    const outputs = this.graph.outputs.map(output => this.as(output, this.original(output)));
    return { ...this.graph, nodes: this.nodes, outputs, tensors: this.tensors };
  }

  private isNarrow(name: string, node: Operation): boolean {
    const { op, attributes } = node;
    if (!attributes.some(({ name, value }) => name === 'T' && value === this.binding.TF_FLOAT)) return false;
    if (products.has(op)) return true;
    if (!between.has(op)) return false;
    const { takes } = typedOf(this.binding, node);
    const operands = node.inputs.filter(
      (input, i) => takes[i] && this.nodes.get(makerOf(input))?.kind !== 'constant',
    );
    const isImage = [...operands, `${name}:0` as const].some(
      output => this.tensor(output).shape.length === 4,
    );
    const largest = (narrow: boolean): number =>
      Math.max(
        ...operands.filter(operand => this.narrow.has(operand) === narrow).map(operand => this.size(operand)),
      );
    return isImage && largest(true) > largest(false);
  }

  private withInputs(node: Operation, isNarrow: (input: number) => boolean): Operation {
    const inputs = node.inputs.map((input, i) =>
      this.as(input, isNarrow(i) ? bfloat16 : this.original(input)),
    );
    return { ...node, inputs };
  }

  /** A tensor in a type, cast once for all that read it so. */
  private as(output: GraphOutput, dtype: number): GraphOutput {
    const given = this.tensor(output);
    if (given.dtype === dtype) return output;
    const name = `${output.replace(':', '_')}_cast`;
    const type = (name: string, value: number): OpAttribute => ({
      name,
      type: this.binding.TF_ATTR_TYPE,
      value,
    });
    const attributes = [type('SrcT', given.dtype), type('DstT', dtype)];
    this.nodes.set(name, { kind: 'operation', op: 'Cast', inputs: [output], attributes });
    this.tensors.set(`${name}:0`, { ...given, dtype });
    return `${name}:0`;
  }

  /** The type a tensor was recorded in. */
  private original(output: GraphOutput): number {
    return this.graph.tensors.get(output)?.dtype ?? this.binding.TF_FLOAT;
  }

  private tensor(output: GraphOutput): TensorDescription {
    const described = this.tensors.get(output);
    if (!described) throw new RangeError(`${output} has no description`);
    return described;
  }

  private size(output: GraphOutput): number {
    return this.tensor(output).shape.reduce((product, side) => product * side, 1);
  }
}

/** Which of an operation's inputs and outputs have the type of its attribute `T`. */
function typedOf(binding: Binding, { op, attributes }: Operation): { takes: boolean[]; gives: boolean[] } {
  const { inputs, outputs } = opDefinition(binding, op) ?? { inputs: [], outputs: [] };
  const isTyped = (list: typeof inputs): boolean[] =>
    typeAttributes(list, attributes).map(name => name === 'T');
  return { takes: isTyped(inputs), gives: isTyped(outputs) };
}
