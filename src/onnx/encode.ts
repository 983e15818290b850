/**
 * An ONNX model as its file: onnx.proto's ModelProto, whose numbers of fields stand here. The few messages that a model
 * needs are written by the engine's own encoding functions: no schema has to be compiled, and no library installed.
 */
import { bytesField, floatField, integerField, stringField } from '../engine/protobuf.js';
import type { Attribute, Constant, OnnxModel, OnnxNode, Port } from './model.js';

/** ONNX 1.13: GroupNormalization and friends apart, all that networks of images need; every runtime since 2023 reads it. */
const opset = 18;
const irVersion = 8;

/** As onnx.proto numbers them. */
const elementTypes = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, bool: 9 } as const;

function typeOf({ values, type }: Constant): keyof typeof elementTypes {
  if (type) return type;
  if (values instanceof Int32Array) return 'int64';
  if (values instanceof Float32Array) return 'float32';
  return values instanceof Int8Array ? 'int8' : 'uint8';
}

/** Where in the weights' file a constant's bytes are. */
export interface Place {
  readonly file: string;
  readonly offset: number;
  readonly length: number;
}

type Encoder = (model: OnnxModel) => Buffer;
type Placing = (constant: Constant) => Place | undefined;

function encodeAttribute(name: string, attribute: Attribute, encodeBody: Encoder): Buffer {
  const [kind, value] = ((): [number, Buffer] => {
    if ('int' in attribute) return [2, integerField(3, attribute.int)];
    if ('ints' in attribute) return [7, Buffer.concat(attribute.ints.map(value => integerField(8, value)))];
    if ('float' in attribute) return [1, floatField(2, attribute.float)];
    if ('graph' in attribute) return [5, bytesField(6, encodeBody(attribute.graph))];
    return [3, stringField(4, attribute.string)];
  })();
  return Buffer.concat([stringField(1, name), value, integerField(20, kind)]);
}

function encodeNode(node: OnnxNode, nameOf: (constant: Constant) => string, encodeBody: Encoder): Buffer {
  return Buffer.concat([
    ...node.inputs.map(input => stringField(1, typeof input === 'string' ? input : nameOf(input))),
    ...node.outputs.map(output => stringField(2, output)),
    stringField(3, node.outputs[0] ?? ''),
    stringField(4, node.op),
    ...Object.entries(node.attributes).map(([name, value]) =>
      bytesField(5, encodeAttribute(name, value, encodeBody)),
    ),
  ]);
}

/** Little-endian, as ONNX has them. */
export function bytesOf(constant: Constant): Uint8Array {
  const { values } = constant;
  const own = typeOf(constant) === 'int64' ? BigInt64Array.from(values, BigInt) : values;
  return new Uint8Array(own.buffer, own.byteOffset, own.byteLength);
}

function encodeConstant(name: string, constant: Constant, place: Place | undefined): Buffer {
  const entry = (key: string, value: string | number): Buffer =>
    bytesField(13, Buffer.concat([stringField(1, key), stringField(2, String(value))]));
  return Buffer.concat([
    ...constant.shape.map(size => integerField(1, size)),
    integerField(2, elementTypes[typeOf(constant)]),
    stringField(8, name),
    ...(place
      ? [
          entry('location', place.file),
          entry('offset', place.offset),
          entry('length', place.length),
          integerField(14, 1),
        ]
      : [bytesField(9, bytesOf(constant))]),
  ]);
}

function encodePort({ name, shape, type, rows = 'n' }: Port): Buffer {
  const sizes = shape.map(size =>
    bytesField(
      1,
      size >= 0 ? integerField(1, size) : stringField(2, size === -1 ? rows : `${-size} ${rows}`),
    ),
  );
  const elements = integerField(1, elementTypes[type ?? 'float32']);
  const tensor = Buffer.concat([elements, bytesField(2, Buffer.concat(sizes))]);
  return Buffer.concat([stringField(1, name), bytesField(2, bytesField(1, tensor))]);
}

/**
 * @param place where a constant lies outside the file; undefined for one that is to stand in it, as those of bodies always do: ONNX Runtime
 * reads weights that it is given in memory for the graph itself alone
 */
export function encodeModel(model: OnnxModel, producerVersion: string, place: Placing): Uint8Array {
  let constants = 0;
  const encodeGraph = ({ name: title, nodes, inputs, outputs }: OnnxModel, place: Placing): Buffer => {
    // A body has constants of its own, under names that are nowhere else.
    const names = new Map<Constant, string>();
    const nameOf = (constant: Constant): string => {
      const name = names.get(constant) ?? `constant${constants++}`;
      names.set(constant, name);
      return name;
    };
    const encodeBody = (body: OnnxModel): Buffer => encodeGraph(body, () => undefined);
    const encoded = nodes.map(node => bytesField(1, encodeNode(node, nameOf, encodeBody)));
    return Buffer.concat([
      ...encoded,
      stringField(2, title),
      ...[...names].map(([constant, name]) => bytesField(5, encodeConstant(name, constant, place(constant)))),
      ...inputs.map(port => bytesField(11, encodePort(port))),
      ...outputs.map(port => bytesField(12, encodePort(port))),
    ]);
  };
  const graph = encodeGraph(model, place);
  return Buffer.concat([
    integerField(1, irVersion),
    stringField(2, 'gfnet'),
    stringField(3, producerVersion),
    bytesField(7, graph),
    bytesField(8, Buffer.concat([stringField(1, ''), integerField(2, opset)])),
  ]);
}
