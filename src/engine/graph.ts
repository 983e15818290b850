/** A recorded graph: nodes in order of execution, and its encoding as TensorFlow's GraphDef. */
import type { AttributeValue, Binding, GraphOutput, OpAttribute, TensorValues } from './binding.js';
import { bytesField, floatField, integerField, stringField } from './protobuf.js';

interface Placeholder {
  readonly kind: 'placeholder';
  readonly dtype: number;
  /** -1 where the size is free. */
  readonly shape: readonly number[];
}

export interface Constant {
  readonly kind: 'constant';
  readonly dtype: number;
  readonly shape: readonly number[];
  readonly values: TensorValues;
}

export interface Operation {
  readonly kind: 'operation';
  readonly op: string;
  readonly inputs: readonly GraphOutput[];
  readonly attributes: readonly OpAttribute[];
  /** Nodes that have to be done before it, beside those that give its inputs. */
  readonly after?: readonly string[];
}

export type Node = Placeholder | Constant | Operation;

/** Nodes by name; names number them in order, so that two recordings of one function agree. */
export interface Graph {
  readonly nodes: ReadonlyMap<string, Node>;
  readonly inputs: readonly GraphOutput[];
  readonly outputs: readonly GraphOutput[];
  /** What every node gave when it was recorded. */
  readonly tensors: ReadonlyMap<GraphOutput, TensorDescription>;
  /** Where gradients are computed: the last node of the forward pass. */
  readonly forward?: string | undefined;
}

export interface TensorDescription {
  readonly dtype: number;
  readonly shape: readonly number[];
}

/** The node that gives an output. */
export function makerOf(output: GraphOutput): string {
  return output.slice(0, output.lastIndexOf(':'));
}

export function attributeOf({ attributes }: Operation, name: string): OpAttribute | undefined {
  return attributes.find(attribute => attribute.name === name);
}

/** The operation with other values of attributes that it has. */
export function withAttributes(
  operation: Operation,
  values: Readonly<Record<string, AttributeValue>>,
): Operation {
  const attributes = operation.attributes.map(attribute => ({
    ...attribute,
    value: values[attribute.name] ?? attribute.value,
  }));
  return { ...operation, attributes };
}

/** Whether the first output of a node has the shape of `input`. */
export function hasShapeOf({ tensors }: Graph, name: string, input: GraphOutput): boolean {
  return tensors.get(`${name}:0`)?.shape.join() === tensors.get(input)?.shape.join();
}

/** How often each output is read. */
export function usesOf({ nodes, outputs }: Graph): ReadonlyMap<GraphOutput, number> {
  const uses = new Map<GraphOutput, number>();
  const read = [...nodes.values()].flatMap(node => (node.kind === 'operation' ? node.inputs : []));
  for (const output of [...read, ...outputs]) uses.set(output, (uses.get(output) ?? 0) + 1);
  return uses;
}

function encodeShape(shape: readonly number[]): Buffer {
  return Buffer.concat(shape.map(size => bytesField(2, integerField(1, size))));
}

function encodeScalar(binding: Binding, type: number, value: AttributeValue): Buffer {
  switch (type) {
    case binding.TF_ATTR_STRING:
      return stringField(2, String(value));
    case binding.TF_ATTR_INT:
      return integerField(3, Number(value));
    case binding.TF_ATTR_FLOAT:
      return floatField(4, Number(value));
    case binding.TF_ATTR_BOOL:
      return integerField(5, Number(value));
    case binding.TF_ATTR_TYPE:
      return integerField(6, Number(value));
    case binding.TF_ATTR_SHAPE:
      return bytesField(7, encodeShape(value as readonly number[]));
    default:
      throw new RangeError(`unknown attribute type ${type}`);
  }
}

function encodeAttribute(binding: Binding, { name, type, value }: OpAttribute): Buffer {
  const list = Array.isArray(value) && type !== binding.TF_ATTR_SHAPE;
  const encoded = list
    ? bytesField(
        1,
        Buffer.concat(
          (value as readonly AttributeValue[]).map(element => encodeScalar(binding, type, element)),
        ),
      )
    : encodeScalar(binding, type, value as AttributeValue);
  return bytesField(5, Buffer.concat([stringField(1, name), bytesField(2, encoded)]));
}

function encodeConstant({ dtype, shape, values }: Constant): Buffer {
  const content = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  const tensor = Buffer.concat([
    integerField(1, dtype),
    bytesField(2, encodeShape(shape)),
    bytesField(4, content),
  ]);
  return bytesField(5, Buffer.concat([stringField(1, 'value'), bytesField(2, bytesField(8, tensor))]));
}

function encodeNode(binding: Binding, name: string, node: Node): Buffer {
  const head = (op: string): Buffer => Buffer.concat([stringField(1, name), stringField(2, op)]);
  const dtype = (value: number): Buffer =>
    encodeAttribute(binding, { name: 'dtype', type: binding.TF_ATTR_TYPE, value });
  switch (node.kind) {
    case 'placeholder':
      return Buffer.concat([
        head('Placeholder'),
        dtype(node.dtype),
        encodeAttribute(binding, { name: 'shape', type: binding.TF_ATTR_SHAPE, value: node.shape }),
      ]);
    case 'constant':
      return Buffer.concat([head('Const'), dtype(node.dtype), encodeConstant(node)]);
    case 'operation':
      return Buffer.concat([
        head(node.op),
        ...node.inputs.map(input => stringField(3, input)),
        ...(node.after ?? []).map(name => stringField(3, `^${name}`)),
        ...node.attributes.map(attribute => encodeAttribute(binding, attribute)),
      ]);
  }
}

/** The graph's nodes as a serialised GraphDef. */
export function encodeGraph(binding: Binding, graph: Graph): Uint8Array {
  return Buffer.concat(
    [...graph.nodes].map(([name, node]) => bytesField(1, encodeNode(binding, name, node))),
  );
}
