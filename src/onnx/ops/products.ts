/** Products of matrices, and means over places. */
import type { Call, Translation } from '../call.js';
import { input, integersOf, outputShape, unknown } from '../call.js';
import type { Constant } from '../model.js';
import type { Shape, Stored, Value } from '../values.js';
import { orderless, permuted, sameShape } from '../values.js';
import { largestByte } from '../writer.js';

/** Whether it is a single matrix. */
const isOne = (shape: Shape): boolean => shape.slice(0, -2).every(size => size === 1);

/** [1, k, o] or [k, o] -> [k, o], turned round where the product takes it so. */
function matrix({ shape, values }: Constant, turned: boolean): Constant {
  const flat = { shape: shape.slice(-2), values };
  return turned ? permuted(flat, [1, 0]) : flat;
}

/** [h w c, o] -> [c h w, o], for images that lie in planes. */
function forPlanes(
  { shape, values }: Constant,
  [, height = 1, width = 1, channels = 1]: readonly number[],
): Constant {
  const [, out = 1] = shape;
  const moved = permuted({ shape: [height, width, channels, out], values }, [2, 0, 1, 3]);
  return { shape, values: moved.values };
}

/** x W, of each image's numbers x, [n, k] or [1, n, k], and a known W. */
function linear(call: Call, x: Value, weight: Constant): Value {
  const rows = x.shape.at(-2) ?? 1;
  const shape = [rows, outputShape(call).at(-1) ?? 1];
  const flat = [rows, x.shape.at(-1) ?? 1];
  let result: Stored;
  const of = x.kind === 'view' ? x.of : undefined;
  if (of?.layout === 'planes' && of.shape.length === 4 && !orderless(of.shape) && of.shape[0] === rows) {
    const [flattened = ''] = call.writer.emit('Flatten', [of.name], { axis: { int: 1 } });
    result = call.writer.store(shape, 'rows', 'MatMul', [flattened, forPlanes(weight, of.shape)]);
  } else {
    const narrow: Value = of ? (sameShape(of.shape, flat) ? of : { kind: 'view', of, shape: flat }) : x;
    result = call.writer.store(shape, 'rows', 'MatMul', [call.writer.operand(narrow, 'rows'), weight]);
  }
  return { kind: 'view', of: result, shape: outputShape(call) };
}

/** Bytes that are multiplied by what is known are not divided first: that is made smaller. */
function numbers({ writer }: Call, value: Value, factor: Constant): [Value, Constant] {
  const of = value.kind === 'view' ? value.of : value;
  if (of.kind !== 'stored' || !of.bytes) return [value, factor];
  const scaled = Float32Array.from(factor.values, weight => weight / largestByte);
  return [
    { kind: 'view', of: writer.counted(of), shape: value.shape },
    { ...factor, values: scaled },
  ];
}

const matMul: Translation = call => {
  const [a, b] = [input(call, 0), input(call, 1)];
  const { writer } = call;
  if (call.attributes.get('adj_x') === true) throw unknown(call, 'that turns its first factor round');
  const turned = call.attributes.get('adj_y') === true;
  if (b.kind === 'constant' && isOne(b.shape)) {
    const weight = matrix(b.constant, turned);
    if (isOne(a.shape)) return linear(call, a, weight);
    return writer.store(outputShape(call), 'rows', 'MatMul', [writer.operand(a, 'rows'), weight]);
  }
  if (a.kind !== 'constant' || turned) throw unknown(call, 'of two computed factors');
  const [value, factor] = numbers(call, b, a.constant);
  return writer.store(outputShape(call), 'rows', 'MatMul', [factor, writer.operand(value, 'rows')]);
};

/** Over the places of an image. */
const mean: Translation = call => {
  const value = input(call, 0);
  const [n = -1, , , channels = 1] = value.shape;
  if (value.shape.length !== 4 || integersOf(call, 1).join() !== '1,2')
    throw unknown(call, 'over other axes');
  const pooled = call.writer.store([n, 1, 1, channels], 'planes', 'GlobalAveragePool', [
    call.writer.operand(value, 'planes'),
  ]);
  return outputShape(call).length === 4 ? pooled : { kind: 'view', of: pooled, shape: outputShape(call) };
};

export const products: Readonly<Record<string, Translation>> = { BatchMatMulV2: matMul, Mean: mean };
