/**
 * Bilinear resizing: the two products that src/nn/resize.ts makes of it are recognised, for ONNX has an operation that skips their zeros.
 * Bicubic stays two products: ONNX Runtime's own takes many times as long.
 */
import { interpolationOf } from '../../nn/resize.js';
import type { Call } from '../call.js';
import { outputShape } from '../call.js';
import type { Constant } from '../model.js';
import type { Value } from '../values.js';

/** The operations that end in the one that turns the resized image round, last first, and which of their inputs leads on. */
const chain: readonly (readonly [op: string, input: number])[] = [
  ['Transpose', 0],
  ['Reshape', 0],
  ['BatchMatMulV2', 0],
  ['Reshape', 0],
  ['Transpose', 0],
  ['Reshape', 0],
  ['BatchMatMulV2', 1],
  ['Reshape', 0],
];

/** The image that `call` completes, if it is the last operation of a bilinear resizing. */
export function resizedBy(call: Call): Value | undefined {
  const calls = followed(call);
  const image = calls.at(-1)?.inputs[0];
  const [columns, rows] = [calls[2]?.inputs[1], calls[6]?.inputs[0]];
  const [, height = 0, width = 0] = outputShape(call);
  const [, fromHeight = 0, fromWidth = 0] = image?.shape ?? [];
  if (
    image?.shape.length !== 4 ||
    !bilinear(rows, fromHeight, height) ||
    !bilinear(columns, fromWidth, width)
  )
    return undefined;
  const none: Constant = { shape: [0], values: new Float32Array(0) };
  const sizes: Constant = { shape: [2], values: Int32Array.of(height, width) };
  const operands = [call.writer.operand(image, 'rows'), none, none, sizes];
  return call.writer.store(outputShape(call), 'rows', 'Resize', operands, {
    axes: { ints: [1, 2] },
    mode: { string: 'linear' },
    coordinate_transformation_mode: { string: 'align_corners' },
  });
}

/** The calls along the chain, as far as it goes. */
function followed(last: Call): Call[] {
  const calls: Call[] = [];
  let call: Call | undefined = last;
  for (const [op, input] of chain) {
    if (call?.op !== op) return [];
    calls.push(call);
    call = call.maker(input);
  }
  return calls;
}

function bilinear(value: Value | undefined, from: number, to: number): boolean {
  return value?.kind === 'constant' && interpolationOf(value.constant.values, from, to) === 'bilinear';
}
