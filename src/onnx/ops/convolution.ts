/** Convolutions and pooling with what is around their images, and batch norm, which a convolution before it takes into its weights. */
import type { Call, Translation } from '../call.js';
import { constantOf, input, integersOf, outputShape, unknown } from '../call.js';
import type { Attribute, Constant, OnnxNode } from '../model.js';
import type { Border, Stored, Value } from '../values.js';
import { permuted } from '../values.js';

const none: Border = { top: 0, left: 0, bottom: 0, right: 0 };

/** The image that windows slide over, with the border that they see as `fill`. */
function withBorder(
  call: Call,
  value: Value,
  accepts: (fill: number) => boolean,
): { image: string; border: Border } {
  const { writer } = call;
  const plain = value.kind === 'bordered' && accepts(value.fill) ? value.of : value;
  return {
    image: writer.operand(plain, 'planes') as string,
    border: value.kind === 'bordered' && plain !== value ? value.border : none,
  };
}

/** TensorFlow's padding of one side, before and after. */
function padding(call: Call, side: number, kernel: number, stride: number): [number, number] {
  if (call.attributes.get('padding') === 'VALID') return [0, 0];
  const missing = Math.max(0, (Math.ceil(side / stride) - 1) * stride + kernel - side);
  return [missing >> 1, missing - (missing >> 1)];
}

/** Pads, strides and sides of the window. */
function windowOf(
  call: Call,
  kernel: readonly [number, number],
  { top, left, bottom, right }: Border,
): Record<string, Attribute> {
  const [, vertical = 1, horizontal = 1] = call.attributes.get('strides') as number[];
  const { shape } = input(call, 0);
  const [above, below] = padding(call, shape[1] ?? 1, kernel[0], vertical);
  const [before, after] = padding(call, shape[2] ?? 1, kernel[1], horizontal);
  // What is cut off after the last window is passed over anyway.
  const ends = [below + bottom, after + right].map(end => Math.max(0, end));
  return {
    kernel_shape: { ints: kernel },
    strides: { ints: [vertical, horizontal] },
    pads: { ints: [above + top, before + left, ...ends] },
  };
}

function convolution(depthwise: boolean): Translation {
  return call => {
    const { shape } = input(call, 1);
    const [height = 1, width = 1, inner = 1] = shape;
    const channels = input(call, 0).shape[3] ?? 1;
    const { image, border } = withBorder(call, input(call, 0), fill => fill === 0);
    return convolved(call, image, depthwise, {
      ...windowOf(call, [height, width], border),
      group: { int: depthwise ? channels : channels / inner },
    });
  };
}

/** Our kernel's, which counts the windows and knows the zeros before the first. */
const depthwise: Translation = call => {
  const [stride = 1, top = 0, left = 0] = ['stride', 'top', 'left'].map(name =>
    Number(call.attributes.get(name)),
  );
  const [height = 1, width = 1, channels = 1] = input(call, 1).shape;
  const after = (axis: number, kernel: number, before: number): number =>
    Math.max(
      0,
      ((outputShape(call)[axis] ?? 0) - 1) * stride + kernel - before - (input(call, 0).shape[axis] ?? 0),
    );
  return convolved(call, call.writer.operand(input(call, 0), 'planes'), true, {
    kernel_shape: { ints: [height, width] },
    strides: { ints: [stride, stride] },
    pads: { ints: [top, left, after(1, height, top), after(2, width, left)] },
    group: { int: channels },
  });
};

function convolved(
  call: Call,
  image: OnnxNode['inputs'][number],
  depthwise: boolean,
  attributes: Record<string, Attribute>,
): Stored {
  const filter = { shape: input(call, 1).shape, values: constantOf(call, 1) };
  const inputs = [image, permuted(filter, depthwise ? [2, 3, 0, 1] : [3, 2, 0, 1])];
  return call.writer.store(outputShape(call), 'planes', 'Conv', inputs, attributes);
}

/** The convolution whose result input 0 is, if nothing else reads that. */
function convolutionBefore(call: Call): { node: OnnxNode; result: Stored } | undefined {
  const result = input(call, 0);
  const node = result.kind === 'stored' ? call.writer.maker(result.name) : undefined;
  return result.kind === 'stored' && node?.op === 'Conv' && call.only(0) ? { node, result } : undefined;
}

/** Each output channel of a convolution times `factor`, plus `shift`. */
function scaleConvolution(node: OnnxNode, factor: Float64Array, shift: Float64Array): void {
  const [image = '', filter, bias] = node.inputs;
  const { shape, values } = filter as Constant;
  const size = values.length / factor.length;
  const scaled = Float32Array.from(values);
  factor.forEach((scale, channel) => {
    for (let i = channel * size; i < (channel + 1) * size; i++) scaled[i] = (scaled[i] ?? 0) * scale;
  });
  const old = bias === undefined ? undefined : (bias as Constant).values;
  node.inputs = [
    image,
    { shape, values: scaled },
    {
      shape: [factor.length],
      values: Float32Array.from(factor, (scale, i) => (old?.[i] ?? 0) * scale + (shift[i] ?? 0)),
    },
  ];
}

const batchNorm: Translation = call => {
  const epsilon = Number(call.attributes.get('epsilon'));
  const constants = [1, 2, 3, 4].map(i => constantOf(call, i));
  const [scale, offset, mean, variance] = constants as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const before = convolutionBefore(call);
  if (before) {
    const factor = Float64Array.from(scale, (value, i) => value / Math.sqrt((variance[i] ?? 0) + epsilon));
    const shift = factor.map((value, i) => (offset[i] ?? 0) - (mean[i] ?? 0) * value);
    scaleConvolution(before.node, factor, shift);
    return before.result;
  }
  return call.writer.store(
    outputShape(call),
    'planes',
    'BatchNormalization',
    [
      call.writer.operand(input(call, 0), 'planes'),
      ...constants.map(values => ({ shape: [values.length], values })),
    ],
    { epsilon: { float: epsilon } },
  );
};

/** The convolution with the constant that is added to each of its channels, where this call is such a sum. */
export function addToConvolution(call: Call): Value | undefined {
  const bias = call.inputs[1];
  const channels = outputShape(call).at(-1) ?? 0;
  if (bias?.kind !== 'constant' || bias.shape.length !== 1 || bias.shape[0] !== channels) return undefined;
  const before = convolutionBefore(call);
  if (!before) return undefined;
  const shift = Float64Array.from(bias.constant.values);
  scaleConvolution(
    before.node,
    shift.map(() => 1),
    shift,
  );
  return before.result;
}

/** The engine pads for the largest value with less than this. */
const lowest = -3e38;

function pooling(op: 'MaxPool' | 'AveragePool'): Translation {
  return call => {
    const [, height = 1, width = 1] = call.attributes.get('ksize') as number[];
    const { image, border } = withBorder(call, input(call, 0), fill => op === 'MaxPool' && fill <= lowest);
    const window = windowOf(call, [height, width], border);
    return call.writer.store(outputShape(call), 'planes', op, [image], window);
  };
}

function bordered(call: Call, border: Border, fill: number): Value {
  const value = input(call, 0);
  const shape = outputShape(call);
  if (shape.length !== 4) throw unknown(call, `of ${shape.length} dimensions`);
  if (value.kind === 'bordered' && value.fill === fill) {
    const sum = (side: keyof Border): number => value.border[side] + border[side];
    const total = { top: sum('top'), left: sum('left'), bottom: sum('bottom'), right: sum('right') };
    return { ...value, shape, border: total };
  }
  const name = call.writer.operand(value, 'planes');
  if (typeof name !== 'string') throw unknown(call, 'of a constant');
  const of: Stored =
    value.kind === 'stored' ? value : { kind: 'stored', name, shape: value.shape, layout: 'planes' };
  return { kind: 'bordered', of, shape, border, fill };
}

const pad: Translation = call => {
  const [, , top = 0, bottom = 0, left = 0, right = 0] = integersOf(call, 1);
  return bordered(call, { top, bottom, left, right }, call.inputs[2] ? (constantOf(call, 2)[0] ?? 0) : 0);
};

/** Only what lies beyond the last window is ever cut off. */
const slice: Translation = call => {
  const { shape } = input(call, 0);
  const target = outputShape(call);
  if (integersOf(call, 1).some(begin => begin !== 0) || shape[3] !== target[3])
    throw unknown(call, 'that cuts more than the end of an image');
  const cut = (axis: number): number => (target[axis] ?? 0) - (shape[axis] ?? 0);
  const value = input(call, 0);
  const fill = value.kind === 'bordered' ? value.fill : 0;
  return bordered(call, { ...none, bottom: cut(1), right: cut(2) }, fill);
};

export const convolutions: Readonly<Record<string, Translation>> = {
  Conv2D: convolution(false),
  DepthwiseConv2dNative: convolution(true),
  GfnetDepthwise: depthwise,
  FusedBatchNorm: batchNorm,
  FusedBatchNormV3: batchNorm,
  MaxPool: pooling('MaxPool'),
  AvgPool: pooling('AveragePool'),
  PadV2: pad,
  Slice: slice,
};
