/** All steps of a model as one graph for one image, which loops over looks until it is sure: early exit for whoever runs plain ONNX. */
import type { Attribute, Constant, OnnxModel, OnnxNode, Port } from './model.js';
import { integers } from './model.js';

/** A model by its steps; those that are computed alike have one and the same graph. */
export interface Steps {
  readonly steps: readonly OnnxModel[];
  readonly image: { readonly side: number; readonly channels: number };
  /** Side of the crops, in pixels. */
  readonly patch: number;
}

/** Consecutive steps of one graph. */
interface Run {
  readonly graph: OnnxModel;
  readonly count: number;
}

const integer = (value: number): Constant => ({ shape: [], values: Int32Array.of(value) });
const number = (value: number): Constant => ({ shape: [], values: Float32Array.of(value) });

/** What goes from step to step beside the state. */
const answers = ['taken', 'logits', 'probabilities'] as const;

/**
 * Takes `images` [1, side, side, channels], a byte each, and `thresholds` [steps - 1]; gives `logits` and `probabilities` [1, classes] of the last step that
 * was taken, `steps` [], how many that were, and `boxes` [steps - 1, 2]: row and column of the top left pixel of each crop.
 */
export function singleGraph({ steps, image, patch }: Steps): OnnxModel {
  const [glance, ...looks] = steps;
  if (!glance) throw new RangeError('a model without steps');
  const nodes: OnnxNode[] = [];
  const add = adder(nodes);
  // The last step always answers.
  add('Concat', ['thresholds', { shape: [1], values: Float32Array.of(-1) }], 'limits', { axis: { int: 0 } });
  const zeros = glance.inputs.filter(({ name }) => name !== 'images');
  for (const port of zeros) add('Identity', [zerosOf(port)], `step1/${port.name}`);
  nodes.push(...within(glance, 'step1'));
  add('Identity', [integer(1)], 'step1/taken');
  let before = 'step1';
  let state = statesOf(glance, 'next.');
  let goes = notSure(add, 'step1', integer(0));
  const boxes: string[] = [];
  for (const { graph, count } of runsOf(looks)) {
    const name = `step${boxes.length + 2}`;
    const carried = new Map([...statesOf(graph, 'state.'), ...statesOf(graph, 'next.')]);
    const initial = [...carried].map(([key, port]) =>
      state.has(key) ? `${before}/next.${key}` : zerosOf(port),
    );
    nodes.push({
      op: 'Loop',
      inputs: [integer(count), goes, ...answers.map(answer => `${before}/${answer}`), ...initial],
      outputs: [
        ...answers.map(answer => `${name}/${answer}`),
        ...[...carried.keys()].map(key => `${name}/next.${key}`),
        `${name}/boxes`,
      ],
      attributes: { body: { graph: bodyOf(graph, `${name}.body`, carried, image.side - patch) } },
    });
    boxes.push(`${name}/boxes`);
    goes = add('And', [goes, notSure(add, name, `${name}/taken`, true)], `${name}/goes`);
    [before, state] = [name, carried];
  }
  add('Identity', [`${before}/logits`], 'logits');
  add('Identity', [`${before}/probabilities`], 'probabilities');
  add('Identity', [`${before}/taken`], 'steps');
  if (boxes.length > 1) add('Concat', boxes, 'boxes', { axis: { int: 0 } });
  else if (boxes[0] !== undefined) add('Identity', [boxes[0]], 'boxes');
  const one = (name: string): Port => ({ name, shape: onlyOne(portOf(glance.outputs, name)) });
  return {
    name: 'single',
    nodes,
    inputs: [
      { name: 'images', shape: [1, image.side, image.side, image.channels], type: 'uint8' },
      { name: 'thresholds', shape: [looks.length] },
    ],
    outputs: [
      one('logits'),
      one('probabilities'),
      { name: 'steps', shape: [], type: 'int64' },
      ...(boxes.length > 0 ? [{ name: 'boxes', shape: [-1, 2], rows: 'looks', type: 'int64' } as const] : []),
    ],
  };
}

/** One look: what it takes and gives is what a Loop carries, and the corner of its crop beside that. */
function bodyOf(
  graph: OnnxModel,
  name: string,
  carried: ReadonlyMap<string, Port>,
  range: number,
): OnnxModel {
  const nodes: OnnxNode[] = [];
  const add = adder(nodes);
  add('Identity', [integers(0)], `${name}/rows`);
  nodes.push(...within(graph, name));
  add('Add', [`${name}/before.taken`, integer(1)], `${name}/taken`);
  const goes = notSure(add, name, `${name}/before.taken`);
  // As src/crop has it.
  add('Mul', [`${name}/action`, number(range)], `${name}/place`);
  add('Floor', [`${name}/place`], `${name}/corner`);
  add('Cast', [`${name}/corner`], `${name}/pixel`, { to: { int: 7 } });
  add('Squeeze', [`${name}/pixel`, integers(0)], `${name}/box`);
  const logits = onlyOne(portOf(graph.outputs, 'logits'));
  const answer = (prefix: string): Port[] => [
    { name: `${name}/${prefix}taken`, shape: [], type: 'int64' },
    { name: `${name}/${prefix}logits`, shape: logits },
    { name: `${name}/${prefix}probabilities`, shape: logits },
  ];
  const kept = (prefix: string, given: ReadonlyMap<string, Port>): Port[] =>
    [...carried].map(([key, port]) => ({
      name: `${name}/${prefix}${key}`,
      shape: onlyOne(given.get(key) ?? port),
    }));
  // What is carried but is no longer, or not yet, of the state, goes through as it came.
  const [takes, gives] = [statesOf(graph, 'state.'), statesOf(graph, 'next.')];
  for (const key of carried.keys())
    if (!gives.has(key)) add('Identity', [`${name}/state.${key}`], `${name}/next.${key}`);
  return {
    name,
    nodes,
    inputs: [
      { name: `${name}/iteration`, shape: [], type: 'int64' },
      { name: `${name}/condition`, shape: [], type: 'bool' },
      ...answer('before.'),
      ...kept('state.', takes),
    ],
    outputs: [
      { name: goes, shape: [], type: 'bool' },
      ...answer(''),
      ...kept('next.', gives),
      { name: `${name}/box`, shape: [2], type: 'int64' },
    ],
  };
}

type Add = (
  op: string,
  inputs: readonly (string | Constant)[],
  output: string,
  attributes?: Readonly<Record<string, Attribute>>,
) => string;

function adder(nodes: OnnxNode[]): Add {
  return (op, inputs, output, attributes = {}) => {
    nodes.push({ op, inputs, outputs: [output], attributes });
    return output;
  };
}

/** Whether the largest probability is below the threshold of step `place`, from 0; `after`: of the step before that. */
function notSure(add: Add, name: string, place: string | Constant, after = false): string {
  const step = after ? add('Sub', [place, integer(1)], `${name}/step`) : place;
  const limit = add('Gather', ['limits', step], `${name}/limit`);
  const sure = add('ReduceMax', [`${name}/probabilities`], `${name}/confidence`, { keepdims: { int: 0 } });
  return add('Less', [sure, limit], `${name}/unsure`);
}

/** The nodes of a graph, and of bodies within, with the names of its values, the images apart, put under `name`. */
function within({ nodes }: OnnxModel, name: string): OnnxNode[] {
  const own = (value: string): string => (value === 'images' ? value : `${name}/${value}`);
  const ownPort = (port: Port): Port => ({ ...port, name: own(port.name) });
  const ownBody = (attribute: Attribute): Attribute => {
    if (!('graph' in attribute)) return attribute;
    const { graph } = attribute;
    const [inputs, outputs] = [graph.inputs.map(ownPort), graph.outputs.map(ownPort)];
    return { graph: { name: own(graph.name), nodes: within(graph, name), inputs, outputs } };
  };
  return nodes.map(({ op, inputs, outputs, attributes }) => ({
    op,
    inputs: inputs.map(input => (typeof input === 'string' ? own(input) : input)),
    outputs: outputs.map(own),
    attributes: Object.fromEntries(
      Object.entries(attributes).map(([key, attribute]) => [key, ownBody(attribute)]),
    ),
  }));
}

function runsOf(graphs: readonly OnnxModel[]): Run[] {
  const runs: { graph: OnnxModel; count: number }[] = [];
  for (const graph of graphs) {
    const last = runs.at(-1);
    if (last?.graph === graph) last.count++;
    else runs.push({ graph, count: 1 });
  }
  return runs;
}

/** The ports of a state, by their names without `prefix`. */
function statesOf({ inputs, outputs }: OnnxModel, prefix: 'state.' | 'next.'): Map<string, Port> {
  const ports = prefix === 'state.' ? inputs : outputs;
  return new Map(
    ports.filter(({ name }) => name.startsWith(prefix)).map(port => [port.name.slice(prefix.length), port]),
  );
}

function portOf(ports: readonly Port[], name: string): Port {
  const port = ports.find(port => port.name === name);
  if (!port) throw new RangeError(`a graph without ${name}`);
  return port;
}

/** The shape for one image. */
function onlyOne({ shape }: Port): number[] {
  return shape.map(size => Math.abs(size));
}

function zerosOf(port: Port): Constant {
  const shape = onlyOne(port);
  return { shape, values: new Float32Array(shape.reduce((product, size) => product * size, 1)) };
}
