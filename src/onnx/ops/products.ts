/** Products of matrices, and means over places. */
import type { Call, Translation } from '../call.js';
import { input, integersOf, outputShape, unknown } from '../call.js';
import type { Constant } from '../model.js';
import type { Stored, Value } from '../values.js';
import { known, orderless, permuted, sameShape } from '../values.js';
import { largestByte } from '../writer.js';

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

/** x W, of each image's numbers x and a known W. */
function linear(call: Call, x: Value, weight: Constant): Value {
  const [, , out = 1] = outputShape(call);
  const rows = x.shape[1] ?? 1;
  const shape = [rows, out];
  const flat = [rows, x.shape[2] ?? 1];
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

/** [n, k, m] -> [n, m, k]; the runtime takes the product with it as one operation. */
function turnedRound({ writer }: Call, value: Value): Stored {
  const [n = -1, k = 1, m = 1] = value.shape;
  return writer.store([n, m, k], 'rows', 'Transpose', [writer.operand(value, 'rows')], {
    perm: { ints: [0, 2, 1] },
  });
}

/** The factors of a product; bytes are scaled by the matrix that they meet. */
function numbers({ writer }: Call, value: Value, factor: Value): [Value, Value] {
  const of = value.kind === 'view' ? value.of : value;
  if (of.kind !== 'stored' || !of.bytes || factor.kind !== 'constant') return [value, factor];
  const { shape, values } = factor.constant;
  const scaled = known({ shape, values: Float32Array.from(values, weight => weight / largestByte) });
  return [{ kind: 'view', of: writer.counted(of), shape: value.shape }, scaled];
}

const matMul: Translation = call => {
  const [given, b] = numbers(call, input(call, 0), input(call, 1));
  const a = call.attributes.get('adj_x') === true ? turnedRound(call, given) : given;
  const turned = call.attributes.get('adj_y') === true;
  const once = a.shape.length === 3 && a.shape[0] === 1;
  if (b.kind === 'constant' && b.shape.slice(0, -2).every(size => size === 1)) {
    const weight = matrix(b.constant, turned);
    if (once) return linear(call, a, weight);
    return call.writer.store(outputShape(call), 'rows', 'MatMul', [call.writer.operand(a, 'rows'), weight]);
  }
  if (turned) throw unknown(call, 'that turns a computed factor round');
  const factors = [a, b].map(value => call.writer.operand(value, 'rows'));
  return call.writer.store(outputShape(call), 'rows', 'MatMul', factors);
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
