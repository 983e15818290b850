/** Records what a function of tensors does, while it runs, as a graph. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { TracingError } from '../errors/index.js';
import type { Binding, GraphOutput, OpAttribute, TensorHandle, TensorValues } from './binding.js';
import type { Graph, Node, TensorDescription } from './graph.js';
import { makerOf } from './graph.js';
import { opDefinition, typeAttributes } from './op-definitions.js';
import { backend } from './start.js';
import type { TensorTree } from './tensor-tree.js';
import { leaves, mapTree } from './tensor-tree.js';

interface Known {
  readonly output: GraphOutput;
  readonly dtype: number;
}

class Recorder {
  readonly nodes = new Map<string, Node>();
  readonly inputs: GraphOutput[] = [];
  readonly tensors = new Map<GraphOutput, TensorDescription>();
  forward: string | undefined;
  /** The values that JavaScript made while tracing; only these may become constants. */
  readonly written = new WeakSet<TensorValues>();
  private readonly known = new Map<number, Known>();

  constructor(private readonly binding: Binding) {}

  input(handle: TensorHandle): void {
    const name = this.add({ kind: 'placeholder', dtype: handle.dtype, shape: handle.shape });
    this.inputs.push(`${name}:0`);
    this.know(`${name}:0`, handle);
  }

  constant(id: number, shape: readonly number[], dtype: number, values: TensorValues): void {
    if (!this.written.has(values)) throw capturedError();
    const name = this.add({ kind: 'constant', dtype, shape: [...shape], values: values.slice() });
    this.know(`${name}:0`, { id, shape, dtype });
  }

  operation(
    op: string,
    attributes: readonly OpAttribute[],
    ids: readonly number[],
    results: readonly TensorHandle[],
  ): void {
    const inputs = ids.map(id => this.lookUp(id));
    const [input] = inputs;
    const [result] = results;
    // tfjs casts to a tensor's own type too.
    if (op === 'Cast' && result && input?.dtype === result.dtype) {
      this.known.set(result.id, input);
      return;
    }
    const name = this.add({
      kind: 'operation',
      op,
      inputs: inputs.map(input => input.output),
      attributes: this.complete(op, attributes, inputs),
    });
    results.forEach((result, i) => this.know(`${name}:${i}`, result));
  }

  /** The graph's output for a tensor; an input or constant passes through an Identity, as functions require. */
  output(id: number): GraphOutput {
    const { output, dtype } = this.lookUp(id);
    if (this.nodes.get(makerOf(output))?.kind === 'operation') return output;
    const attributes = [{ name: 'T', type: this.binding.TF_ATTR_TYPE, value: dtype }];
    const own: GraphOutput = `${this.add({ kind: 'operation', op: 'Identity', inputs: [output], attributes })}:0`;
    this.tensors.set(own, this.tensors.get(output) as TensorDescription);
    return own;
  }

  /** What was recorded up to now is the forward pass. */
  turn(): void {
    this.forward = `n${this.nodes.size - 1}`;
  }

  private add(node: Node): string {
    const name = `n${this.nodes.size}`;
    this.nodes.set(name, node);
    return name;
  }

  private know(
    output: GraphOutput,
    { id, dtype, shape }: Omit<TensorHandle, 'shape'> & TensorDescription,
  ): void {
    this.known.set(id, { output, dtype });
    this.tensors.set(output, { dtype, shape });
  }

  private lookUp(id: number): Known {
    const known = this.known.get(id);
    if (!known) throw capturedError();
    return known;
  }

  /** Adds the type attributes that eager execution infers from its inputs. */
  private complete(op: string, attributes: readonly OpAttribute[], inputs: readonly Known[]): OpAttribute[] {
    const definition = opDefinition(this.binding, op);
    // A sum over processes is stateful to TensorFlow, but a function of what all of them give.
    if (definition?.stateful === true && op !== 'CollectiveReduceV2') {
      throw new TracingError({
        problem: 'a compiled step calls an op whose result changes from call to call',
        given: op,
        allowed: 'pure functions of their inputs',
        mend: 'draw random numbers outside the step and pass them in',
      });
    }
    const complete = [...attributes];
    const types = typeAttributes(definition?.inputs ?? [], attributes);
    types.forEach((name, i) => {
      const type = inputs[i];
      if (name === undefined || type === undefined || complete.some(a => a.name === name)) return;
      complete.push({ name, type: this.binding.TF_ATTR_TYPE, value: type.dtype });
    });
    return complete;
  }
}

/** What records at present. */
let current: Recorder | undefined;

/** Tells the recording, where there is one, that the backward pass begins. */
export function beginBackward(): void {
  current?.turn();
}

function capturedError(): TracingError {
  return new TracingError({
    problem: 'a compiled step uses a tensor that was made outside it',
    allowed: 'its arguments, and what it makes itself',
    mend: 'pass the tensor in as an argument: a captured one would be frozen at its present value',
  });
}

/** Results of up to so many bytes keep their values: they may be sizes or places that a later operation goes by. */
const smallResult = 4096;

/**
 * Results of a recording without their values, which nothing may read: all of one type and shape are one tensor, so that recording takes
 * little memory, whatever the step leaves to its backward pass.
 */
class Hollow {
  private readonly tensors = new Map<string, number>();
  private readonly standIns = new Map<number, number>();
  private next = -1;

  constructor(private readonly binding: Binding) {}

  /** `result`, or where it is large one without values; its memory is kept for others of its kind. */
  of(result: TensorHandle): TensorHandle {
    const { id, shape, dtype } = result;
    if (4 * shape.reduce((product, size) => product * size, 1) <= smallResult) return result;
    const kind = `${dtype}[${shape.join()}]`;
    const kept = this.tensors.get(kind);
    if (kept === undefined) this.tensors.set(kind, id);
    else this.binding.deleteTensor(id);
    this.standIns.set(this.next, kept ?? id);
    return { id: this.next--, shape, dtype };
  }

  /** What to compute with. */
  tensor(id: number): number {
    return this.standIns.get(id) ?? id;
  }

  delete(id: number): void {
    if (!this.standIns.delete(id)) this.binding.deleteTensor(id);
  }

  dispose(): void {
    for (const id of this.tensors.values()) this.binding.deleteTensor(id);
  }
}

/** `binding`, with everything it executes recorded, and reading values refused. */
function recording(binding: Binding, recorder: Recorder, hollow: Hollow): Binding {
  const recorded: Pick<Binding, 'executeOp' | 'createTensor' | 'deleteTensor' | 'tensorDataSync'> = {
    executeOp(op, attributes, ids, count) {
      const inputs = ids.map(id => hollow.tensor(id));
      const results = binding.executeOp(op, attributes, inputs, count).map(result => hollow.of(result));
      recorder.operation(op, attributes, ids, results);
      return results;
    },
    createTensor(shape, dtype, values) {
      const id = binding.createTensor(shape, dtype, values);
      recorder.constant(id, shape, dtype, values);
      return id;
    },
    deleteTensor: id => hollow.delete(id),
    tensorDataSync() {
      throw new TracingError({
        problem: 'a compiled step reads the value of a tensor',
        allowed: 'operations on tensors: while a step is traced its values stand for all later ones',
        mend: 'return the tensor and read it outside the step',
      });
    },
  };
  return Object.create(binding, Object.getOwnPropertyDescriptors(recorded)) as Binding;
}

function refuseRandomDraw(): number {
  throw new TracingError({
    problem: 'a compiled step draws a random number, which would be frozen',
    mend: 'draw it outside the step and pass it in as a tensor',
  });
}

/**
 * Runs `step` once on `inputs`, or copies of them, and returns what it did as a graph.
 * @throws TracingError when the step reads a value, draws a random number, or uses a tensor that is not among its inputs
 */
export function trace<T extends TensorTree>(inputs: T, step: (inputs: T) => readonly Tensor[]): Graph {
  let graph: Graph | undefined;
  tf.tidy(() => {
    graph = record(distinct(inputs), step);
  });
  return graph as unknown as Graph;
}

/** Copies in the place of tensors whose memory is that of one before: a recording tells inputs apart by their memory. */
function distinct<T extends TensorTree>(inputs: T): T {
  const seen = new Set<object>();
  return mapTree(inputs, tensor => {
    if (seen.has(tensor.dataId)) return tf.reshape(tf.stack([tensor]), tensor.shape);
    seen.add(tensor.dataId);
    return tensor;
  });
}

function record<T extends TensorTree>(inputs: T, step: (inputs: T) => readonly Tensor[]): Graph {
  const engine = backend();
  const { binding } = engine;
  const recorder = new Recorder(binding);
  const tensors = leaves(inputs);
  const ids = engine.getInputTensorIds(tensors);
  tensors.forEach((tensor, i) =>
    recorder.input({ id: ids[i] ?? -1, shape: tensor.shape, dtype: dtypeNumber(binding, tensor.dtype) }),
  );
  const { random } = Math;
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its own `this` below
  const { write } = engine;
  const hollow = new Hollow(binding);
  engine.binding = recording(binding, recorder, hollow);
  current = recorder;
  engine.write = (values, shape, dtype) => {
    recorder.written.add(values);
    return write.call(engine, values, shape, dtype);
  };
  Math.random = refuseRandomDraw;
  try {
    let outputs: GraphOutput[] = [];
    tf.tidy(() => {
      outputs = engine.getInputTensorIds(step(inputs)).map(id => recorder.output(id));
    });
    return {
      nodes: recorder.nodes,
      inputs: recorder.inputs,
      outputs,
      tensors: recorder.tensors,
      forward: recorder.forward,
    };
  } finally {
    engine.binding = binding;
    hollow.dispose();
    current = undefined;
    engine.write = write;
    Math.random = random;
  }
}

function dtypeNumber(binding: Binding, dtype: tf.DataType): number {
  switch (dtype) {
    case 'float32':
      return binding.TF_FLOAT;
    case 'int32':
      return binding.TF_INT32;
    case 'bool':
      return binding.TF_BOOL;
    case 'complex64':
    case 'string':
      throw new TracingError({ problem: 'a tensor type that steps do not take', given: dtype });
  }
}
