/**
 * A model in int8: what convolutions and products with known weights take and give as unsigned bytes, their weights as signed bytes with a scale for
 * each output channel (Jacob et al., arXiv 1712.05877). It is written as QuantizeLinear and DequantizeLinear around operations of float32, from
 * which a runtime makes its own of integers.
 */
import type { Constant, OnnxModel, OnnxNode } from './model.js';

/** Least and largest value that was seen. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** x = scale * (q - zero) for q = 0..255. */
export interface Grid {
  readonly scale: number;
  readonly zero: number;
}

/** The finest grid that holds a range, and 0 exactly: borders are 0, and so is what ReLU cuts off. */
export function gridOf({ min, max }: Range): Grid {
  const [low, high] = [Math.min(0, min), Math.max(0, max)];
  const scale = Math.fround((high - low) / 255) || 1;
  return { scale, zero: Math.min(255, Math.round((0 - low) / scale)) };
}

/** Values that change nothing but where they lie, or choose among them: they keep their grid. */
const keepsGrid = new Set(['MaxPool', 'Reshape', 'Flatten', 'Transpose', 'Unsqueeze', 'Identity']);
const activations = new Set(['Relu', 'Clip']);

/** The values that are quantised, in the order in which they are computed. */
export function quantisedValues(model: OnnxModel): string[] {
  const weighted = new Set(weightedNodes(model));
  const users = usersOf(model);
  const values = new Set<string>();
  for (const node of model.nodes) {
    if (!weighted.has(node)) continue;
    values.add(node.inputs[0] as string);
    const result = node.outputs[0] ?? '';
    if (node.op !== 'Conv') continue;
    const [next, ...others] = users.get(result) ?? [];
    const activated = others.length === 0 && next && activations.has(next.op) ? next.outputs[0] : undefined;
    values.add(activated ?? result);
  }
  const order = [...model.inputs.map(({ name }) => name), ...model.nodes.flatMap(({ outputs }) => outputs)];
  return order.filter(name => values.has(name));
}

/** Names under which `observing` gives the range of the i-th of the quantised values. */
export const rangeNames = (i: number): readonly [least: string, most: string] => [`least.${i}`, `most.${i}`];

/** The model with the least and the largest number in each of its quantised values as further outputs. */
export function observing(model: OnnxModel): OnnxModel {
  const ends = quantisedValues(model).flatMap((value, i) =>
    rangeNames(i).map((name, end) => ({ value, name, op: end === 0 ? 'ReduceMin' : 'ReduceMax' })),
  );
  return {
    ...model,
    nodes: [
      ...model.nodes,
      ...ends.map(({ op, value, name }) => ({
        op,
        inputs: [value],
        outputs: [name],
        attributes: { keepdims: { int: 0 } },
      })),
    ],
    outputs: [...model.outputs, ...ends.map(({ name }) => ({ name, shape: [] }))],
  };
}

/** @param ranges of the quantised values, in their order */
export function quantise(whole: OnnxModel, ranges: readonly Range[]): OnnxModel {
  const model = withBiases(whole);
  const values = quantisedValues(model);
  const grids = new Map(values.map((value, i) => [value, gridOf(ranges[i] ?? { min: 0, max: 0 })]));
  const weighted = new Set(weightedNodes(model));
  const nodes: OnnxNode[] = [];
  const rounded = (value: string): void => {
    const grid = grids.get(value);
    if (grid) nodes.push(...throughGrid(value, grid));
  };
  const read = (value: string | Constant): string | Constant =>
    typeof value === 'string' && grids.has(value) ? `${value}.rounded` : value;
  for (const { name } of model.inputs) rounded(name);
  for (const node of model.nodes) {
    const [from] = node.inputs;
    const kept = keepsGrid.has(node.op) && typeof from === 'string' ? grids.get(from) : undefined;
    for (const output of node.outputs) if (kept && grids.has(output)) grids.set(output, kept);
    const own = weighted.has(node) ? quantiseWeights(node, grids, nodes) : node.inputs;
    nodes.push({ ...node, inputs: own.map(read) });
    for (const output of node.outputs) rounded(output);
  }
  return { ...model, nodes };
}

/** The model with each product and the known row that is added to it as one Gemm, which a runtime then computes in integers too. */
function withBiases(model: OnnxModel): OnnxModel {
  const weighted = new Set(weightedNodes(model));
  const users = usersOf(model);
  const added = new Map<OnnxNode, OnnxNode>();
  for (const node of model.nodes) {
    const [sum, ...others] = users.get(node.outputs[0] ?? '') ?? [];
    if (node.op !== 'MatMul' || !weighted.has(node) || !sum || others.length > 0) continue;
    const bias = sum.inputs[1];
    if (sum.op === 'Add' && typeof bias === 'object' && isRow(bias, node.inputs[1] as Constant))
      added.set(sum, node);
  }
  const joined = new Set(added.values());
  return {
    ...model,
    nodes: model.nodes
      .filter(node => !joined.has(node))
      .map(node => {
        const product = added.get(node);
        if (!product) return node;
        const { values } = node.inputs[1] as Constant;
        const bias = { shape: [values.length], values };
        return { ...node, op: 'Gemm', inputs: [...product.inputs, bias] };
      }),
  };
}

/** Whether a constant is one number for each column of a matrix. */
function isRow({ shape, values }: Constant, matrix: Constant): boolean {
  return values.length === matrix.shape[1] && shape.at(-1) === values.length;
}

/** What quantises a value, and gives it again as float32 under a name of its own. */
function throughGrid(value: string, { scale, zero }: Grid): OnnxNode[] {
  const operands: Constant[] = [
    { shape: [], values: Float32Array.of(scale) },
    { shape: [], values: Uint8Array.of(zero) },
  ];
  return [
    { op: 'QuantizeLinear', inputs: [value, ...operands], outputs: [`${value}.bytes`], attributes: {} },
    {
      op: 'DequantizeLinear',
      inputs: [`${value}.bytes`, ...operands],
      outputs: [`${value}.rounded`],
      attributes: {},
    },
  ];
}

/** Convolutions, and products with a known matrix; those of pixels, which resize them, are left alone. */
function weightedNodes({ nodes }: OnnxModel): OnnxNode[] {
  const pixels = new Set(['images']);
  return nodes.filter(node => {
    const ofPixels = node.inputs.some(input => typeof input === 'string' && pixels.has(input));
    if (ofPixels && node.op !== 'Conv') for (const output of node.outputs) pixels.add(output);
    const [left, right] = node.inputs;
    if (typeof left !== 'string' || typeof right !== 'object') return false;
    const product = ['MatMul', 'Gemm'].includes(node.op) && right.shape.length === 2;
    return node.op === 'Conv' || (product && !ofPixels);
  });
}

function usersOf({ nodes }: OnnxModel): Map<string, OnnxNode[]> {
  const users = new Map<string, OnnxNode[]>();
  for (const node of nodes)
    for (const input of node.inputs)
      if (typeof input === 'string') users.set(input, [...(users.get(input) ?? []), node]);
  return users;
}

/** The inputs of a convolution or product, its weights and bias as what integers stand for; the nodes that say so go to `nodes`. */
function quantiseWeights(
  { op, inputs, outputs }: OnnxNode,
  grids: ReadonlyMap<string, Grid>,
  nodes: OnnxNode[],
): (string | Constant)[] {
  const [value, weight, bias] = inputs as [string, Constant, Constant?];
  // A filter is [out, in, h, w], a matrix [in, out].
  const axis = op === 'Conv' ? 0 : 1;
  const { bytes, scales } = quantiseChannels(weight, axis);
  const dequantised = (
    what: string,
    integers: Constant,
    scale: Float32Array,
    along: number,
    ...zeros: readonly Constant[]
  ): string => {
    const name = `${outputs[0] ?? ''}.${what}`;
    nodes.push({
      op: 'DequantizeLinear',
      inputs: [integers, { shape: [scale.length], values: scale }, ...zeros],
      outputs: [name],
      attributes: { axis: { int: along } },
    });
    return name;
  };
  // ONNX Runtime makes no Gemm of integers of weights whose zero is left out.
  const zeros: Constant = { shape: [scales.length], values: new Int8Array(scales.length) };
  const weights = dequantised('weights', bytes, scales, axis, zeros);
  if (!bias) return [value, weights];
  const steps = scales.map(scale => scale * (grids.get(value)?.scale ?? 1));
  const integers = Int32Array.from(bias.values, (number, i) => Math.round(number / (steps[i] ?? 1)));
  const sum: Constant = { shape: bias.shape, values: integers, type: 'int32' };
  return [value, weights, dequantised('bias', sum, steps, 0)];
}

/** Numbers from -127 to 127 with a scale for each channel along `axis`. */
function quantiseChannels(
  { shape, values }: Constant,
  axis: number,
): { readonly bytes: Constant; readonly scales: Float32Array } {
  const channels = shape[axis] ?? 1;
  const inner = shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  const channelOf = (i: number): number => Math.floor(i / inner) % channels;
  const largest = new Float32Array(channels);
  values.forEach((value, i) => {
    const channel = channelOf(i);
    largest[channel] = Math.max(largest[channel] ?? 0, Math.abs(value));
  });
  const scales = largest.map(most => most / 127 || 1);
  const bytes = Int8Array.from(values, (value, i) => Math.round(value / (scales[channelOf(i)] ?? 1)));
  return { bytes: { shape, values: bytes }, scales };
}
