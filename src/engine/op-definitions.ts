/** TensorFlow's own definitions of its ops (OpList), read to complete the attributes that eager execution infers and a graph must state. */
import type { Binding, OpAttribute } from './binding.js';
import { fields } from './protobuf.js';

interface OpArgument {
  /** The attribute that holds its type, if it is not fixed. */
  readonly typeAttribute?: string;
  /** The attribute that holds how many tensors it is, if it is a list. */
  readonly numberAttribute?: string;
}

export interface OpDefinition {
  readonly inputs: readonly OpArgument[];
  readonly outputs: readonly OpArgument[];
  /** Whether two calls may give different results for the same inputs (random draws, resources). */
  readonly stateful: boolean;
}

function readArgument(message: Buffer): OpArgument {
  const argument: { typeAttribute?: string; numberAttribute?: string } = {};
  for (const field of fields(message)) {
    if (field.number === 4) argument.typeAttribute = field.bytes.toString();
    if (field.number === 5) argument.numberAttribute = field.bytes.toString();
  }
  return argument;
}

function readOp(message: Buffer): [string, OpDefinition] {
  let name = '';
  let stateful = false;
  const inputs: OpArgument[] = [];
  const outputs: OpArgument[] = [];
  for (const field of fields(message)) {
    if (field.number === 1) name = field.bytes.toString();
    if (field.number === 2) inputs.push(readArgument(field.bytes));
    if (field.number === 3) outputs.push(readArgument(field.bytes));
    if (field.number === 17) stateful = field.integer !== 0;
  }
  return [name, { inputs, outputs, stateful }];
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

/** The attribute that holds the type of each tensor an argument list takes or gives, lists laid out. */
export function typeAttributes(
  list: readonly OpArgument[],
  attributes: readonly OpAttribute[],
): (string | undefined)[] {
  return list.flatMap(({ typeAttribute, numberAttribute }) => {
    const count =
      numberAttribute === undefined ? 1 : Number(attributes.find(a => a.name === numberAttribute)?.value);
    return Array.from({ length: count }, () => typeAttribute);
  });
}
