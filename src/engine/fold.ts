/** Batch norm with running statistics goes into the convolution before it, so that no image is read once more for it. */
import type { Binding, GraphOutput, OpAttribute } from './binding.js';
import type { Graph, Node, Operation } from './graph.js';
import { attributeOf, makerOf, usesOf } from './graph.js';
import { NodeWriter } from './node-writer.js';

/**
 * The graph with each `batchNorm(convolve(x, filter))` written as `convolve(x, filter * factor) + shift`, where
 * `factor = scale / sqrt(variance + epsilon)` and `shift = offset - mean * factor`: equal up to rounding.
 * Convolutions whose result something else reads too are left alone.
 */
export function foldBatchNorm(binding: Binding, graph: Graph): Graph {
  const uses = usesOf(graph);
  const nodes = new Map<string, Node>();
  const tensors = new Map(graph.tensors);
  for (const [name, node] of graph.nodes) {
    const before = node.kind === 'operation' && isInference(node) ? node.inputs[0] : undefined;
    const convolution = before === undefined ? undefined : nodes.get(makerOf(before));
    if (
      node.kind !== 'operation' ||
      before === undefined ||
      uses.get(before) !== 1 ||
      convolution?.kind !== 'operation' ||
      !filterAxes[convolution.op]
    ) {
      nodes.set(name, node);
      continue;
    }
    nodes.delete(makerOf(before));
    const writer = new Writer(binding, name, nodes, tensors);
    writer.fold(node, convolution);
  }
  return { ...graph, nodes, tensors };
}

/** The shape under which a number for each channel multiplies a filter. */
const filterAxes: Readonly<Record<string, readonly number[]>> = {
  Conv2D: [-1],
  DepthwiseConv2dNative: [-1, 1],
  GfnetDepthwise: [-1, 1],
};

function isInference(node: Operation): boolean {
  return /^FusedBatchNorm(V2|V3)?$/.test(node.op) && attributeOf(node, 'is_training')?.value === false;
}

class Writer extends NodeWriter {
  private readonly type: OpAttribute = {
    name: 'T',
    type: this.binding.TF_ATTR_TYPE,
    value: this.binding.TF_FLOAT,
  };

  fold(batchNorm: Operation, convolution: Operation): void {
    type Inputs = readonly [GraphOutput, GraphOutput, GraphOutput, GraphOutput, GraphOutput];
    const [, scale, offset, mean, variance] = batchNorm.inputs as unknown as Inputs;
    const [image, filter] = convolution.inputs as readonly [GraphOutput, GraphOutput];
    const epsilon = attributeOf(batchNorm, 'epsilon')?.value;
    const floor = this.constant('epsilon', Float32Array.of(Number(epsilon)), []);
    const channels = this.shapeOf(scale);
    const perChannel = (part: string, op: string, ...inputs: readonly GraphOutput[]): GraphOutput =>
      this.operation(part, { op, inputs, attributes: [this.type] }, channels);
    const floored = perChannel('floored', 'AddV2', variance, floor);
    const factor = perChannel('factor', 'Mul', scale, perChannel('inverse', 'Rsqrt', floored));
    const shift = perChannel('shift', 'Sub', offset, perChannel('moved', 'Mul', mean, factor));
    const axes = filterAxes[convolution.op] ?? [];
    const tshape = { name: 'Tshape', type: this.binding.TF_ATTR_TYPE, value: this.binding.TF_INT32 };
    const spread = this.operation(
      'spread',
      {
        op: 'Reshape',
        inputs: [factor, this.constant('axes', Int32Array.from(axes))],
        attributes: [this.type, tshape],
      },
      axes.map(side => (side === -1 ? (channels[0] ?? 0) : side)),
    );
    const multiplied = { op: 'Mul', inputs: [filter, spread], attributes: [this.type] };
    const scaled = this.operation('filter', multiplied, this.shapeOf(filter));
    const result = this.shapeOf(`${this.name}:0`);
    const convolved = this.operation('convolution', { ...convolution, inputs: [image, scaled] }, result);
    const shifted = { op: 'BiasAdd', inputs: [convolved, shift], attributes: [this.type] };
    this.operation(undefined, shifted, result);
  }
}
