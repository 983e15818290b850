/** Compiles a function of tensors to one TensorFlow function, which its executor runs without JavaScript in between. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { EngineError, isOutOfMemory, TracingError } from '../errors/index.js';
import type { GraphOutput } from './binding.js';
import type { Constant, Graph, Node } from './graph.js';
import { encodeGraph } from './graph.js';
import { foldBatchNorm } from './fold.js';
import { fuseBatchNorm, fuseSums } from './fuse.js';
import { renumber, workers } from './collectives.js';
import { hoist } from './hoist.js';
import { asProducts } from './products.js';
import type { Precision } from './precision.js';
import { inBfloat16 } from './precision.js';
import { withinMemory } from './rematerialise.js';
import { backend, canCompile, hasKernels } from './start.js';
import type { TensorTree } from './tensor-tree.js';
import { disposeTree, leaves, mapTree, oneMoreRow, signature, tidyTree, withLeaves } from './tensor-tree.js';
import { threadsOf, withThreads } from './threads.js';
import { trace } from './trace.js';
import { withWinograd } from './winograd.js';

/** A compiled step: called like the function it was made from. The caller owns the tensors it returns. */
export interface Compiled<F extends TensorTree, B extends TensorTree, O extends TensorTree> {
  (fixed: F, batch: B): O;
  /** Frees what was computed of `fixed` beforehand; the next call computes it anew. */
  release(): void;
  /** Frees the TensorFlow functions. */
  dispose(): void;
}

export interface CompileOptions {
  /** One function for every batch size, the leading dimension of all tensors of `batch`. */
  readonly anyBatch?: boolean;
  /** For steps that take the same `fixed` tensors many times: what depends on those alone is computed once. */
  readonly inference?: boolean;
  /** Of products and activations (default: float32); what the step takes and gives is float32 in either. */
  readonly precision?: Precision;
  /** For steps that compute gradients: what their intermediate results may take. */
  readonly memory?: MemoryLimit;
}

/** Of training steps. */
export type StepOptions = Pick<CompileOptions, 'precision' | 'memory'>;

export interface MemoryLimit {
  /** Bytes that are there for intermediate results. */
  readonly free: () => number;
  /** Told when a step whose intermediate results would take `all` bytes is compiled to compute some of them again, and to take `less`. */
  readonly onRecompute: (all: number, less: number) => void;
}

interface CompiledFunction {
  readonly name: string;
  /** For `withThreads`. */
  readonly threads: number;
  /** Whether it might be compiled to take less memory. */
  readonly lavish: boolean;
  /** What the step returned when it was traced, for its structure. */
  readonly output: TensorTree;
  readonly preparation: Preparation | undefined;
}

let functions = 0;

/**
 * Compiles `step`, a pure function: what it computes may depend on its arguments alone. It is traced at the first call for each
 * structure and shape of its arguments; without the patched binding it runs eagerly.
 *
 * A step is traced twice and the two graphs compared, so that a value that JavaScript changes from call to call (a
 * counter, a draw) is found instead of frozen. With `anyBatch` the second trace has one image more: sizes that follow the batch are
 * then left free.
 * With `memory`, results that would not fit are computed again in the backward pass (rematerialise.ts), with the same outcome; so is a step
 * that ran out of memory, from its beginning.
 * @throws TracingError at the first call, when the step reads a value, captures a tensor, or is not the same both times
 * @throws EngineError with `memory`, when a step takes more than there is in any case
 * @throws EngineError at the first call, of a step in bfloat16, without the patched binding
 */
export function compile<F extends TensorTree, B extends TensorTree, O extends TensorTree>(
  step: (fixed: F, batch: B) => O,
  options: CompileOptions = {},
): Compiled<F, B, O> {
  const { anyBatch = false, inference = false, precision = 'float32', memory } = options;
  const compiled = new Map<string, CompiledFunction>();
  const call = (fixed: F, batch: B): O => {
    if (!canCompile()) {
      if (precision !== 'float32') throw cannotCompile(precision);
      return tidyTree(() => own(step(fixed, batch)));
    }
    const key = `${signature(fixed)} ${anyBatch ? anyBatchSignature(batch) : signature(batch)}`;
    const compileFor = (free: number): CompiledFunction => {
      const { binding } = backend();
      const { graph: recorded, output } = record(step, fixed, batch, anyBatch);
      const folded = foldBatchNorm(binding, recorded);
      const typed = precision === 'bfloat16' ? inBfloat16(binding, folded) : folded;
      const fused = hasKernels() ? fuseSums(binding, fuseBatchNorm(binding, typed)) : typed;
      const products = asProducts(binding, fused);
      const graph = hasKernels() ? withWinograd(binding, products, inference) : products;
      const suited = memory ? suit(graph, free, memory) : graph;
      return build(suited, output, inference ? leaves(fixed).length : 0, suited === graph);
    };
    let entry = compiled.get(key);
    if (!entry) {
      entry = compileFor(memory?.free() ?? Infinity);
      compiled.set(key, entry);
    }
    try {
      return execute(entry, leaves(fixed), leaves(batch)) as O;
    } catch (error) {
      if (!isOutOfMemory(error)) throw error;
      // Of several workers the others would not trace it again.
      if (!memory || !entry.lavish || workers().count > 1) throw outOfMemory(error);
      discard(entry);
      compiled.set(key, compileFor(0));
      return call(fixed, batch);
    }
  };
  const release = (): void => {
    for (const { preparation } of compiled.values()) preparation?.release();
  };
  const dispose = (): void => {
    for (const entry of compiled.values()) discard(entry);
    compiled.clear();
  };
  return Object.assign(call, { release, dispose });
}

function discard({ name, preparation }: CompiledFunction): void {
  backend().binding.removeFunction?.(name);
  preparation?.dispose();
}

/** The graph, or one that computes results again which do not fit. */
function suit(graph: Graph, free: number, { onRecompute }: MemoryLimit): Graph {
  const suited = withinMemory(graph, free);
  if (suited.graph !== graph) onRecompute(suited.all, suited.peak);
  return suited.graph;
}

function outOfMemory(cause: unknown): EngineError {
  return new EngineError({
    problem: 'memory does not suffice for a step',
    mend: 'make batchSize smaller or, in training but for stage 2, `accumulate` larger (batch norm then sees the parts of a batch one by one)',
    cause,
  });
}

function cannotCompile(precision: Precision): EngineError {
  return new EngineError({
    problem: 'steps that run eagerly compute in float32',
    given: precision,
    mend: 'run `npm run setup`, which builds an engine that compiles steps',
  });
}

/** Outputs that are arguments passed through become tensors of their own. */
function own<O extends TensorTree>(output: O): O {
  return mapTree(output, tensor => tensor.clone());
}

function anyBatchSignature(batch: TensorTree): string {
  return leaves(batch)
    .map(tensor => `${tensor.dtype}[n,${tensor.shape.slice(1).join(',')}]`)
    .join(' ');
}

function execute(
  { name, threads, output, preparation }: CompiledFunction,
  fixed: readonly Tensor[],
  batch: readonly Tensor[],
): TensorTree {
  const inputs = [...(preparation?.of(fixed) ?? []), ...fixed, ...batch];
  const outputs = withThreads(threads, () =>
    backend().executeMultipleOutputs(name, [], inputs, leaves(output).length),
  );
  return withLeaves(output, outputs);
}

/** @param fixed how many of the first inputs stay the same from call to call */
function build(graph: Graph, output: TensorTree, fixed: number, lavish: boolean): CompiledFunction {
  if (fixed === 0)
    return { name: addFunction(graph), threads: threadsOf(graph), lavish, output, preparation: undefined };
  const { prepare, rest } = hoist(graph, fixed);
  const preparation = prepare.outputs.length === 0 ? undefined : new Preparation(prepare);
  return { name: addFunction(rest), threads: 0, lavish, output, preparation };
}

function addFunction(graph: Graph): string {
  const name = `gfnet_step_${functions++}`;
  const { binding } = backend();
  binding.addFunction?.(name, encodeGraph(binding, graph), graph.inputs, graph.outputs);
  return name;
}

/** What a step needs of its fixed tensors, made anew only when they are others. */
class Preparation {
  private readonly name: string;
  private readonly outputs: number;
  private source: readonly Tensor[] = [];
  private made: Tensor[] = [];

  constructor(graph: Graph) {
    this.name = addFunction(graph);
    this.outputs = graph.outputs.length;
  }

  of(fixed: readonly Tensor[]): readonly Tensor[] {
    if (fixed.length !== this.source.length || fixed.some((tensor, i) => tensor !== this.source[i])) {
      this.release();
      this.made = backend()
        .executeMultipleOutputs(this.name, [], [...fixed], this.outputs)
        .map(tensor => tf.keep(tensor));
      this.source = fixed;
    }
    return this.made;
  }

  release(): void {
    disposeTree(this.made);
    this.made = [];
    this.source = [];
  }

  dispose(): void {
    this.release();
    backend().binding.removeFunction?.(this.name);
  }
}

/** A step as a graph, recorded twice. */
export interface Recording {
  readonly graph: Graph;
  /** The second time; with `anyBatch`, on one row more: shapes that differ follow the batch. */
  readonly again: Graph;
  /** What the step returned, for its structure; its tensors are no more. */
  readonly output: TensorTree;
}

/** @throws TracingError as `compile` does */
export function record<F extends TensorTree, B extends TensorTree, O extends TensorTree>(
  step: (fixed: F, batch: B) => O,
  fixed: F,
  batch: B,
  anyBatch: boolean,
): Recording {
  let output: TensorTree = [];
  const traceOn = (example: B): Graph => {
    renumber();
    return trace([fixed, example] as const, ([fixed, batch]) => leaves((output = step(fixed, batch))));
  };
  const first = traceOn(batch);
  const larger = anyBatch ? oneMoreRow(batch) : batch;
  const again = traceOn(larger);
  if (anyBatch) disposeTree(larger);
  return { graph: reconcile(first, again), again, output };
}

/** Inputs of ops where -1 stands for the size that the others leave. */
const freeSizes: Readonly<Record<string, number>> = { Reshape: 1, Slice: 2 };

/** The graph that both recordings are cases of. */
function reconcile(first: Graph, second: Graph): Graph {
  if (first.nodes.size !== second.nodes.size || first.outputs.join() !== second.outputs.join()) {
    throw notPure('the two runs took different operations');
  }
  const nodes = new Map<string, Node>();
  for (const [name, node] of first.nodes) {
    const other = second.nodes.get(name);
    nodes.set(name, other ? reconcileNode(name, node, other, first) : node);
  }
  return { ...first, nodes };
}

function reconcileNode(name: string, a: Node, b: Node, graph: Graph): Node {
  if (a.kind === 'placeholder' && b.kind === 'placeholder') {
    return { ...a, shape: a.shape.map((size, i) => (size === b.shape[i] ? size : -1)) };
  }
  if (a.kind === 'constant' && b.kind === 'constant') return reconcileConstant(name, a, b, graph);
  if (a.kind !== b.kind || JSON.stringify(a) !== JSON.stringify(b)) {
    throw notPure(`operation ${a.kind === 'operation' ? a.op : a.kind}`);
  }
  return a;
}

function reconcileConstant(name: string, a: Constant, b: Constant, graph: Graph): Constant {
  const differing = [...a.values.keys()].filter(i => a.values[i] !== b.values[i]);
  const sameShape = a.shape.join() === b.shape.join();
  if (sameShape && differing.length === 0) return a;
  const free = !a.values.includes(-1);
  if (
    free &&
    sameShape &&
    differing.length === 1 &&
    users(graph, `${name}:0`).every(([op, i]) => freeSizes[op] === i)
  ) {
    const values = a.values.slice();
    values[differing[0] ?? 0] = -1;
    return { ...a, values };
  }
  throw notPure(
    `a constant of shape [${a.shape.join(',')}] used by ${users(graph, `${name}:0`)
      .map(([op]) => op)
      .join(', ')}`,
  );
}

function users(graph: Graph, output: GraphOutput): [op: string, input: number][] {
  return [...graph.nodes.values()].flatMap(node =>
    node.kind === 'operation'
      ? node.inputs.flatMap((input, i): [string, number][] => (input === output ? [[node.op, i]] : []))
      : [],
  );
}

function notPure(what: string): TracingError {
  return new TracingError({
    problem: 'a compiled step did not do the same when it was traced twice',
    given: what,
    allowed: 'pure functions of their arguments; with anyBatch, no value that follows the batch size',
    mend: 'pass what changes (a counter, a random draw, a learning rate, an initial state) in as a tensor',
  });
}
