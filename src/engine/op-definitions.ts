/** TensorFlow's own definitions of its ops (OpList), read to complete the attributes that eager execution infers and a graph must state. */
import type { Binding } from './binding.js';
import { fields } from './protobuf.js';

interface OpInput {
  /** The attribute that holds this input's type, if it is not fixed. */
  readonly typeAttribute?: string;
  /** The attribute that holds how many tensors this input takes, if it is a list. */
  readonly numberAttribute?: string;
}

export interface OpDefinition {
  readonly inputs: readonly OpInput[];
  /** Whether two calls may give different results for the same inputs (random draws, resources). */
  readonly stateful: boolean;
}

function readInput(message: Buffer): OpInput {
  const input: { typeAttribute?: string; numberAttribute?: string } = {};
  for (const field of fields(message)) {
    if (field.number === 4) input.typeAttribute = field.bytes.toString();
    if (field.number === 5) input.numberAttribute = field.bytes.toString();
  }
  return input;
}

function readOp(message: Buffer): [string, OpDefinition] {
  let name = '';
  let stateful = false;
  const inputs: OpInput[] = [];
  for (const field of fields(message)) {
    if (field.number === 1) name = field.bytes.toString();
    if (field.number === 2) inputs.push(readInput(field.bytes));
    if (field.number === 17) stateful = field.integer !== 0;
  }
  return [name, { inputs, stateful }];
}

let definitions: ReadonlyMap<string, OpDefinition> | undefined;

/** The definition of an op; undefined for functions, which define themselves. */
export function opDefinition(binding: Binding, name: string): OpDefinition | undefined {
  definitions ??= new Map(
    [...fields(binding.opDefinitions?.() ?? Buffer.alloc(0))]
      .filter(field => field.number === 1)
      .map(field => readOp(field.bytes)),
  );
  return definitions.get(name);
}
