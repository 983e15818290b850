/** Convolutions and their gradients in a recorded graph. */
import type { GraphOutput, OpAttribute } from './binding.js';
import type { Graph, Operation } from './graph.js';
import { attributeOf } from './graph.js';

export type Image = readonly [n: number, height: number, width: number, channels: number];

/** Which input, or the result, is what is convolved, the filter, and the result of the convolution. */
const operands = {
  Conv2D: { x: 0, filter: 1, y: 'result' },
  Conv2DBackpropInput: { x: 'result', filter: 1, y: 2 },
  Conv2DBackpropFilter: { x: 0, filter: 'result', y: 2 },
} as const;

export interface Convolution {
  readonly op: keyof typeof operands;
  readonly inputs: readonly GraphOutput[];
  readonly type: OpAttribute;
  readonly stride: number;
  readonly padding: string;
  /** Of what is convolved, of the filter, and of the result. */
  readonly x: Image;
  readonly filter: Image;
  readonly y: Image;
}

/** A convolution of all channels, or a gradient of one; undefined for anything else. */
export function convolutionOf({ tensors }: Graph, name: string, node: Operation): Convolution | undefined {
  if (!(node.op in operands)) return undefined;
  const op = node.op as keyof typeof operands;
  const shapeOf = (operand: number | 'result'): Image | undefined => {
    const output = operand === 'result' ? (`${name}:0` as const) : node.inputs[operand];
    return (output && tensors.get(output)?.shape) as Image | undefined;
  };
  const [x, filter, y] = [operands[op].x, operands[op].filter, operands[op].y].map(shapeOf);
  const type = attributeOf(node, 'T');
  // Groups have filters of fewer channels.
  if (!x || !filter || !y || !type || filter[2] !== x[3]) return undefined;
  const [, stride = 0] = attributeOf(node, 'strides')?.value as readonly number[];
  const padding = String(attributeOf(node, 'padding')?.value);
  return { op, inputs: node.inputs, type, stride, padding, x, filter, y };
}
