/** One operation of the recorded graph, as its translation sees it. */
import type { AttributeValue } from '../engine/binding.js';
import { ExportError } from '../errors/index.js';
import type { Constant } from './model.js';
import type { Shape, Value } from './values.js';
import type { Writer } from './writer.js';

export interface Call {
  readonly op: string;
  readonly inputs: readonly Value[];
  readonly attributes: ReadonlyMap<string, AttributeValue | readonly AttributeValue[]>;
  /** Of each output. */
  readonly shapes: readonly Shape[];
  readonly writer: Writer;
  /** Whether nothing else reads input `i`. */
  readonly only: (i: number) => boolean;
  /** The operation that gave input `i`. */
  readonly maker: (i: number) => Call | undefined;
}

export type Translation = (call: Call) => Value | readonly Value[];

export function input(call: Call, i: number): Value {
  const value = call.inputs[i];
  if (value) return value;
  throw unknown(call, `has no input ${i}`);
}

export function outputShape(call: Call): Shape {
  return call.shapes[0] ?? [];
}

/** The values of an input that has to be known: a shape, an axis. */
export function constantOf(call: Call, i: number): Constant['values'] {
  const value = input(call, i);
  if (value.kind === 'constant') return value.constant.values;
  throw unknown(call, `with an input ${i} that is computed`);
}

export function integersOf(call: Call, i: number): number[] {
  return [...constantOf(call, i)];
}

/** An operation, or a use of one, that this program does not know in ONNX. */
export function unknown({ op }: Call, what = ''): ExportError {
  return new ExportError({
    problem: 'the network has an operation that cannot be written as ONNX',
    given: `${op} ${what}`.trimEnd(),
    mend: 'add its translation in src/onnx/ops',
  });
}
