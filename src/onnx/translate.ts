/** From a recorded step to an ONNX model that does the same, images in planes where convolutions see them. */
import type { GraphOutput } from '../engine/binding.js';
import type { Recording } from '../engine/compile.js';
import type { Graph, Operation } from '../engine/graph.js';
import { makerOf, usesOf } from '../engine/graph.js';
import type { Call, Translation } from './call.js';
import { unknown } from './call.js';
import { shrinkOneByOne } from './image-wise.js';
import type { Constant, OnnxModel, OnnxNode, Port, Size } from './model.js';
import { convolutions } from './ops/convolution.js';
import { elementwise } from './ops/elementwise.js';
import { products } from './ops/products.js';
import { shapes } from './ops/shapes.js';
import type { Layout, Shape, Stored, Value } from './values.js';
import { inMemory, known } from './values.js';
import { Writer } from './writer.js';

const translations: Readonly<Record<string, Translation>> = {
  ...convolutions,
  ...elementwise,
  ...products,
  ...shapes,
};

/** What the model takes or gives by a name of its own. */
export interface Named {
  readonly name: string;
  /** How it lies in memory, where it has four dimensions. */
  readonly layout: Layout;
  /** Not all that is given is worked on, but the rows that an input of this name chooses: nothing has to be copied when others have left. */
  readonly rows?: string;
  /** Whether it comes as bytes, 255 for 1. */
  readonly bytes?: true;
}

export interface Interface {
  /** For each input of the recording, in order: a constant, or a name. */
  readonly inputs: readonly (Constant | Named)[];
  readonly outputs: readonly Named[];
}

/** @throws ExportError where the step has an operation that is not known in ONNX */
export function translate(name: string, { graph, again }: Recording, ports: Interface): OnnxModel {
  const writer = new Writer();
  const values = new Map<GraphOutput, Value>();
  const shapeOf = shapesOf(graph, again);
  const inputs: Port[] = [];
  graph.inputs.forEach((output, i) => {
    const port = ports.inputs[i];
    if (port === undefined) throw new RangeError(`no name for input ${i}`);
    if ('values' in port) {
      values.set(output, known(port));
      return;
    }
    const { name, layout, rows, bytes } = port;
    const shape = shapeOf(output);
    const stored: Stored = { kind: 'stored', name, shape, layout, ...(bytes && { bytes }) };
    values.set(output, rows === undefined ? stored : choose(writer, stored, rows));
    const given: Port = { name, shape: inMemory(shape, layout), ...(bytes && { type: 'uint8' }) };
    if (rows === undefined) inputs.push(given);
    else inputs.push({ ...given, rows: name }, { name: rows, shape: [-1], type: 'int64' });
  });
  translateNodes(graph, shapeOf, values, writer);
  const outputs = graph.outputs.map((output, i): Port => {
    const port = ports.outputs[i];
    const value = values.get(output);
    if (port === undefined || value === undefined) throw new RangeError(`no name for output ${i}`);
    // Identities cost nothing: ONNX Runtime removes them.
    writer.nodes.push({
      op: 'Identity',
      inputs: [writer.operand(value, port.layout)],
      outputs: [port.name],
      attributes: {},
    });
    return { name: port.name, shape: inMemory(value.shape, port.layout) };
  });
  const nodes = needed(writer.nodes, outputs);
  const images = inputs.find(({ type, rows }) => type === 'uint8' && rows === undefined);
  const shrunk = images ? shrinkOneByOne(nodes, images, value => writer.shapeOf(value)) : nodes;
  return { name, nodes: shrunk, inputs, outputs };
}

function translateNodes(
  graph: Graph,
  shapeOf: (output: GraphOutput) => Shape,
  values: Map<GraphOutput, Value>,
  writer: Writer,
): void {
  const uses = usesOf(graph);
  const calls = new Map<string, Call>();
  for (const [name, node] of graph.nodes) {
    if (node.kind === 'placeholder') continue;
    if (node.kind === 'constant') {
      const { shape, values: content } = node;
      if (content instanceof Uint8Array) throw new RangeError('a constant of truth values');
      values.set(`${name}:0`, known({ shape, values: content }));
      continue;
    }
    const call = callOf(node, name);
    calls.set(name, call);
    const translation = translations[node.op];
    if (!translation) throw unknown(call);
    const results = [translation(call)].flat<(Value | readonly Value[])[]>();
    results.forEach((value, i) => values.set(`${name}:${i}`, value));
  }

  function callOf({ op, inputs, attributes }: Operation, name: string): Call {
    const outputs: Shape[] = [];
    for (let i = 0; graph.tensors.has(`${name}:${i}`); i++) outputs.push(shapeOf(`${name}:${i}`));
    return {
      op,
      inputs: inputs.flatMap(input => values.get(input) ?? []),
      attributes: new Map(attributes.map(({ name, value }) => [name, value])),
      shapes: outputs,
      writer,
      only: i => uses.get(inputs[i] ?? ':0') === 1,
      maker: i => calls.get(makerOf(inputs[i] ?? ':0')),
    };
  }
}

function choose(writer: Writer, stored: Stored, rows: string): Stored {
  const [name = ''] = writer.emit('Gather', [stored.name, rows], { axis: { int: 0 } });
  return { ...stored, name, chosen: { from: stored.name, rows } };
}

/** Sizes that differ between the two recordings follow the number of images. */
function shapesOf(graph: Graph, again: Graph): (output: GraphOutput) => Shape {
  return output => {
    const [first = [], second = []] = [graph, again].map(({ tensors }) => tensors.get(output)?.shape);
    return first.map((size, i): Size => {
      const growth = (second[i] ?? size) - size;
      return growth === 0 ? size : -growth;
    });
  };
}

/** Without the nodes that no output depends on. */
function needed(nodes: readonly OnnxNode[], outputs: readonly Port[]): OnnxNode[] {
  const wanted = new Set<string>(outputs.map(({ name }) => name));
  const kept: OnnxNode[] = [];
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some(output => wanted.has(output))) continue;
    for (const input of node.inputs) if (typeof input === 'string') wanted.add(input);
    kept.push(node);
  }
  return kept.reverse();
}
