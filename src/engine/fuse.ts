/** Batch norm in training with what follows it, as one operation of ours (native/kernels.cc): an image is read and written fewer times. */
import type { Binding, GraphOutput, OpAttribute } from './binding.js';
import type { Graph, Node, Operation, TensorDescription } from './graph.js';
import { attributeOf, makerOf, usesOf } from './graph.js';
import { fusedActivations } from './ops.js';

const { none, relu, relu6 } = fusedActivations;

/** The activation that an operation is, or is the gradient of; undefined for others. */
export function activationOf(node: Operation, suffix: '' | 'Grad' = ''): number | undefined {
  const { op } = node;
  if (op === `Relu${suffix}`) return relu;
  if (op === `Relu6${suffix}`) return relu6;
  if (op !== `GfnetActivation${suffix}`) return undefined;
  return Number(attributeOf(node, 'activation')?.value);
}

/**
 * The graph with each `activation(batchNorm(x) + addend)` as one operation, and the gradient of each batch norm as one, with that of the
 * activation where there is no addend: equal up to rounding. The activation, and the addend, may be absent.
 */
export function fuseBatchNorm(binding: Binding, graph: Graph): Graph {
  return new Fusion(binding, graph).run();
}

/**
 * The graph with the gradient of each activation that is given a sum of two, as behind a residual connection, adding them up itself: the sum is
 * neither written nor read.
 */
export function fuseSums(binding: Binding, graph: Graph): Graph {
  const uses = usesOf(graph);
  const nodes = new Map(graph.nodes);
  const tensors = new Map(graph.tensors);
  for (const [name, node] of graph.nodes) {
    const activation = node.kind === 'operation' ? activationOf(node, 'Grad') : undefined;
    if (node.kind !== 'operation' || activation === undefined || node.inputs.length !== 2) continue;
    const [dy, x] = node.inputs as [GraphOutput, GraphOutput];
    const sum = nodes.get(makerOf(dy));
    if (sum?.kind !== 'operation' || !/^Add(V2)?$/.test(sum.op) || uses.get(dy) !== 1) continue;
    const [one, other] = sum.inputs as [GraphOutput, GraphOutput];
    if (!isLike(graph, one, dy) || !isLike(graph, other, dy)) continue;
    const integer = (name: string, value: number): OpAttribute => ({
      name,
      type: binding.TF_ATTR_INT,
      value,
    });
    const attributes = [
      ...node.attributes.filter(({ name }) => name === 'T'),
      integer('activation', activation),
      integer('N', 1),
    ];
    nodes.delete(makerOf(dy));
    tensors.delete(dy);
    nodes.set(name, { ...node, op: 'GfnetActivationGrad', inputs: [one, x, other], attributes });
  }
  return { ...graph, nodes, tensors };
}

/** Whether two results have the same type and shape. */
function isLike({ tensors }: Pick<Graph, 'tensors'>, a: GraphOutput, b: GraphOutput): boolean {
  const [one, other] = [tensors.get(a), tensors.get(b)];
  return one !== undefined && one.dtype === other?.dtype && one.shape.join() === other.shape.join();
}

interface Fused {
  readonly activation: number;
  /** Another image of the same shape, added before the activation. */
  readonly addend: GraphOutput | undefined;
}

interface FusedGradient {
  readonly activation: number;
  /** The gradient of what the batch norm gives, or with an activation of what that gives. */
  readonly dy: GraphOutput;
}

class Fusion {
  private readonly readers = new Map<GraphOutput, string[]>();
  private readonly uses: ReadonlyMap<GraphOutput, number>;
  /** By the names of their batch norms. */
  private readonly fused = new Map<string, Fused>();
  private readonly gradients = new Map<string, FusedGradient>();
  /** From what gave a result to what gives it now. */
  private readonly renamed = new Map<GraphOutput, GraphOutput>();
  private readonly removed = new Set<string>();
  private readonly nodes = new Map<string, Node>();
  readonly tensors: Map<GraphOutput, TensorDescription>;

  constructor(
    private readonly binding: Binding,
    private readonly graph: Graph,
  ) {
    this.uses = usesOf(graph);
    this.tensors = new Map(graph.tensors);
    for (const [name, node] of graph.nodes) {
      if (node.kind !== 'operation') continue;
      for (const input of node.inputs) this.readers.set(input, [...(this.readers.get(input) ?? []), name]);
    }
  }

  run(): Graph {
    const { nodes, outputs, forward } = this.graph;
    const gradients = new Map<string, { name: string; dy: GraphOutput }>();
    for (const [name, node] of nodes) {
      if (!isTraining(node, 'FusedBatchNormGradV3')) continue;
      const [dy, , , saved] = node.inputs as [GraphOutput, GraphOutput, GraphOutput, GraphOutput];
      gradients.set(makerOf(saved), { name, dy });
    }
    for (const [name, node] of nodes) {
      if (!isTraining(node, 'FusedBatchNormV3')) continue;
      const gradient = gradients.get(name);
      const before = gradient && this.activationGradient(gradient.dy);
      const activation = this.follow(name, before?.name);
      if (!gradient) continue;
      const within = before !== undefined && before.activation === activation;
      if (within) this.remove(before.name);
      this.gradients.set(
        gradient.name,
        within ? { activation, dy: before.dy } : { activation: none, dy: gradient.dy },
      );
    }
    for (const name of nodes.keys()) this.emit(name);
    return {
      ...this.graph,
      nodes: this.nodes,
      outputs: outputs.map(output => this.now(output)),
      tensors: this.tensors,
      forward: forward === undefined ? undefined : makerOf(this.now(`${forward}:0`)),
    };
  }

  /**
   * Notes what becomes one operation with a batch norm.
   * @param gradient what reads it only to give its gradient
   * @returns the activation that does, where that alone reads the batch norm's result
   */
  private follow(name: string, gradient: string | undefined): number | undefined {
    const output: GraphOutput = `${name}:0`;
    const next = this.onlyReader(output, gradient);
    const direct = next && activationOf(next.node);
    if (next && direct !== undefined) {
      this.fuse(name, direct, undefined, next.name);
      return direct;
    }
    const addend =
      next && /^Add(V2)?$/.test(next.node.op) ? next.node.inputs.find(input => input !== output) : undefined;
    const last =
      next && addend !== undefined && isLike(this, addend, output)
        ? this.onlyReader(`${next.name}:0`)
        : undefined;
    const activation = last && activationOf(last.node);
    if (next && last && activation !== undefined) {
      this.fuse(name, activation, addend, last.name);
      this.remove(next.name);
    } else this.fused.set(name, { activation: none, addend: undefined });
    // The gradient before the activation is needed by itself, for the addend.
    return undefined;
  }

  /** @param last which gives what the batch norm will */
  private fuse(name: string, activation: number, addend: GraphOutput | undefined, last: string): void {
    this.fused.set(name, { activation, addend });
    this.remove(last);
    this.renamed.set(`${last}:0`, `${name}:0`);
  }

  /** The gradient of an activation that gives `dy` for one reader alone. */
  private activationGradient(dy: GraphOutput): ({ name: string } & FusedGradient) | undefined {
    const name = makerOf(dy);
    const node = this.graph.nodes.get(name);
    const activation = node?.kind === 'operation' ? activationOf(node, 'Grad') : undefined;
    if (node?.kind !== 'operation' || activation === undefined || this.uses.get(dy) !== 1) return undefined;
    return { name, activation, dy: node.inputs[0] as GraphOutput };
  }

  /** Writes a node, after those that give what it needs now. */
  private emit(name: string): void {
    const node = this.graph.nodes.get(name);
    if (!node || this.nodes.has(name) || this.removed.has(name)) return;
    const written = node.kind === 'operation' ? this.rewritten(name, node) : node;
    if (written.kind === 'operation') for (const input of written.inputs) this.emit(makerOf(input));
    this.nodes.set(name, written);
  }

  private rewritten(name: string, node: Operation): Operation {
    const fused = this.fused.get(name);
    const gradient = this.gradients.get(name);
    const changed = fused
      ? this.forward(name, node, fused)
      : gradient
        ? this.backward(name, node, gradient)
        : node;
    return { ...changed, inputs: changed.inputs.map(input => this.now(input)) };
  }

  private forward(name: string, node: Operation, { activation, addend }: Fused): Operation {
    const addends = addend === undefined ? [] : [addend];
    const count = { name: 'N', type: this.binding.TF_ATTR_INT, value: addends.length };
    this.forget(name, 4);
    return {
      kind: 'operation',
      op: 'GfnetBatchNorm',
      inputs: [...node.inputs.slice(0, 3), ...addends],
      attributes: [...this.attributes(node, activation, 'T', 'epsilon'), count],
    };
  }

  private backward(name: string, node: Operation, { activation, dy }: FusedGradient): Operation {
    const [, x, scale, saved] = node.inputs as [GraphOutput, GraphOutput, GraphOutput, GraphOutput];
    const batchNorm = makerOf(saved);
    const offset = (this.graph.nodes.get(batchNorm) as Operation).inputs[2] as GraphOutput;
    this.forget(name, 3);
    return {
      kind: 'operation',
      op: 'GfnetBatchNormGrad',
      inputs: [dy, x, scale, offset, `${batchNorm}:1`, `${batchNorm}:3`],
      attributes: this.attributes(node, activation, 'T'),
    };
  }

  private attributes(
    { attributes }: Operation,
    activation: number,
    ...kept: readonly string[]
  ): OpAttribute[] {
    return [
      ...attributes.filter(({ name }) => kept.includes(name)),
      { name: 'activation', type: this.binding.TF_ATTR_INT, value: activation },
    ];
  }

  /** What alone reads a result, but for `gradient`, where it is not part of another operation already. */
  private onlyReader(output: GraphOutput, gradient?: string): { name: string; node: Operation } | undefined {
    const readers = this.readers.get(output) ?? [];
    const others = readers.filter(name => name !== gradient);
    const [name] = others;
    const isGiven = this.uses.get(output) !== readers.length;
    if (name === undefined || others.length > 1 || isGiven || this.removed.has(name)) return undefined;
    const node = this.graph.nodes.get(name);
    return node?.kind === 'operation' ? { name, node } : undefined;
  }

  private now(output: GraphOutput): GraphOutput {
    return this.renamed.get(output) ?? output;
  }

  private remove(name: string): void {
    this.removed.add(name);
    this.forget(name, 0);
  }

  /** Of what `name` gave, all from the output `first` on. */
  private forget(name: string, first: number): void {
    for (let i = first; this.tensors.delete(`${name}:${i}`); i++);
  }
}

function isTraining(node: Node, op: string): node is Operation {
  return node.kind === 'operation' && node.op === op && attributeOf(node, 'is_training')?.value === true;
}
