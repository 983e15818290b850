/** Sums over the processes that train together, by TensorFlow's own collective operations: all of the network code is its own. */
import { connect } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { EngineError, WorkerLostError } from '../errors/index.js';
import type { OpAttribute } from './binding.js';
import { bytesField, integerField, stringField } from './protobuf.js';
import { backend } from './start.js';
import type { TensorTree } from './tensor-tree.js';
import { namedLeaves, withLeaves } from './tensor-tree.js';

/** The processes that train together, and which of them this one is. */
export interface Cluster {
  /** `host:port` of each, the same list in all; more than one. */
  readonly workers: readonly string[];
  /** The place of this process in it. */
  readonly task: number;
}

export interface JoinOptions {
  /** Told of a worker that is waited for. */
  readonly onWait?: (worker: string) => void;
  /** How long the others may take to start, in ms. */
  readonly patience?: number;
}

/** Task 0 asks all others for a sign of life, they ask it: every so often, for so long, in ms. */
const watch = { interval: 1000, timeout: 5000 };

const alone: Cluster = { workers: [''], task: 0 };
let cluster = alone;

/**
 * How many processes train together, which of them this one is, and how many of them run on its machine: 1, 0 and 1 where it is
 * alone.
 */
export function workers(): { readonly count: number; readonly task: number; readonly here: number } {
  const hosts = cluster.workers.map(worker => worker.replace(/:\d+$/, ''));
  const here = hosts.filter(host => host === hosts[cluster.task]).length;
  return { count: hosts.length, task: cluster.task, here };
}

/**
 * Joins this process, whose engine is started and has no tensors yet, with the others; returns when all are there.
 * @throws EngineError where the binding cannot do it or the port is taken; WorkerLostError where others do not come
 */
export async function joinWorkers(
  joined: Cluster,
  { onWait, patience = 600_000 }: JoinOptions = {},
): Promise<void> {
  const { binding } = backend();
  if (!binding.enableCollectives || !binding.watchPeers || !binding.lostPeer) {
    throw new EngineError({
      problem: 'this build of TensorFlow’s binding cannot train on several machines',
      mend: 'run `gfnet setup` without --prebuilt',
    });
  }
  const own = joined.workers[joined.task] ?? '';
  try {
    binding.enableCollectives(serverDef(joined));
  } catch (cause) {
    throw new EngineError({
      problem: `TensorFlow’s server does not start: ${messageOf(cause)}`,
      given: own,
      mend: 'see that no other program has this port: each worker’s address is its own host and a free port',
      cause,
    });
  }
  cluster = joined;
  const deadline = performance.now() + patience;
  for (const worker of joined.workers) if (worker !== own) await listening(worker, deadline, onWait);
  const others = joined.workers.flatMap((_, task) => (task === joined.task ? [] : [taskName(task)]));
  binding.watchPeers(joined.task === 0 ? others : [taskName(0)], watch.interval, watch.timeout);
  meet();
}

function taskName(task: number): string {
  return `/job:worker/replica:0/task:${task}`;
}

/** TensorFlow's ServerDef (tensorflow_server.proto). */
function serverDef({ workers, task }: Cluster): Uint8Array {
  const tasks = workers.map((address, i) =>
    bytesField(2, Buffer.concat([integerField(1, i), stringField(2, address)])),
  );
  const job = Buffer.concat([stringField(1, 'worker'), ...tasks]);
  const leader = stringField(1, taskName(0));
  // What is sent would be cut in pieces of 4096 bytes, each with memory of its own; a sum's parts have 4 MiB at most.
  const longestPiece = integerField(4, 2 ** 22);
  return Buffer.concat([
    bytesField(1, bytesField(1, job)),
    stringField(2, 'worker'),
    integerField(3, task),
    bytesField(4, bytesField(16, Buffer.concat([leader, longestPiece]))),
    stringField(5, 'grpc'),
  ]);
}

/** Until a worker's server listens; TensorFlow itself would wait ever longer between its attempts. */
async function listening(worker: string, deadline: number, onWait?: (worker: string) => void): Promise<void> {
  for (let attempt = 0; !(await accepts(worker)); attempt++) {
    if (attempt === 2) onWait?.(worker);
    if (performance.now() > deadline) {
      throw new WorkerLostError({
        problem: 'a worker did not start in time',
        given: worker,
        mend: 'see why it did not, then start all of them again',
      });
    }
    await setTimeout(500);
  }
}

function accepts(worker: string): Promise<boolean> {
  const [, host = '', port = ''] = /^\[?(.*?)\]?:(\d+)$/.exec(worker) ?? [];
  return new Promise(resolve => {
    const socket = connect({ host, port: Number(port), timeout: 2000 });
    const end = (answer: boolean) => (): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.on('connect', end(true)).on('timeout', end(false)).on('error', end(false));
  });
}

/** A reduction's key must be the same in all processes and its own among those under way: it is named by its size and its place in its step. */
const keys = new Map<string, number>();
let place = 0;

/** Of a step that is recorded anew, reductions are numbered anew. */
export function renumber(): void {
  place = 0;
}

/**
 * The sum over all processes, the same bits in each; alone, `x` itself. All must make the same calls in the same order. No gradient
 * goes through it.
 * @param x float32
 */
export function allReduce<T extends Tensor>(x: T): T {
  const { count } = workers();
  if (count === 1) return x;
  const name = `${place++} ${x.shape.join()}`;
  const key = keys.get(name) ?? keys.size + 1;
  keys.set(name, key);
  const engine = backend();
  const { TF_ATTR_STRING, TF_ATTR_FLOAT, TF_ATTR_INT, TF_ATTR_BOOL, TF_ATTR_TYPE, TF_FLOAT } = engine.binding;
  const attributes: OpAttribute[] = [
    { name: 'T', type: TF_ATTR_TYPE, value: TF_FLOAT },
    { name: 'merge_op', type: TF_ATTR_STRING, value: 'Add' },
    { name: 'final_op', type: TF_ATTR_STRING, value: 'Id' },
    { name: 'communication_hint', type: TF_ATTR_STRING, value: 'ring' },
    // A limit would hold two threads for as long after every reduction; the watch finds who is lost.
    { name: 'timeout_seconds', type: TF_ATTR_FLOAT, value: 0 },
    { name: 'is_stateless', type: TF_ATTR_BOOL, value: false },
    { name: 'Nordering_token', type: TF_ATTR_INT, value: 0 },
    // The usual one moves 25 M floats in 467 to 718 ms, this in 122 to 135.
    { name: 'max_subdivs_per_device', type: TF_ATTR_INT, value: 16 },
  ];
  return tf.tidy(() => {
    const [size, group, instance] = [count, 1, key].map(value => tf.scalar(value, 'int32'));
    const inputs = [x, size, group, instance] as Tensor[];
    return engine.executeMultipleOutputs('CollectiveReduceV2', attributes, inputs, 1)[0] as T;
  });
}

/**
 * Numbers from which a tensor is summed by itself, as soon as it is there: nothing waits for gradients that come later, and laying it beside
 * others and cutting it out again takes longer than one sum more.
 */
const large = 2 ** 16;

/** All tensors of a tree summed over all processes, the small ones in one go. Call it within `tf.tidy`. */
export function allReduceTree<T extends TensorTree>(tree: T): T {
  if (workers().count === 1) return tree;
  // Where a value lies decides in which order it is summed, which must not be that of a checkpoint.
  const named = namedLeaves(tree).map(([path, tensor], i) => ({ path, tensor, i }));
  const sorted = named.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const small = sorted.filter(({ tensor }) => tensor.size < large);
  const reduced: Tensor[] = [];
  for (const { tensor, i } of sorted) if (tensor.size >= large) reduced[i] = allReduce(tensor);
  const sums = allReduceTogether(small.map(({ tensor }) => tensor));
  small.forEach(({ i }, at) => {
    reduced[i] = sums[at] as Tensor;
  });
  return withLeaves(tree, reduced);
}

function allReduceTogether(tensors: readonly Tensor[]): Tensor[] {
  if (tensors.length === 0) return [];
  const flat = tf.concat(tensors.map(tensor => tf.reshape(tensor, [-1])));
  const sizes = tensors.map(({ size }) => size);
  return tf.split(allReduce(flat), sizes).map((sum, i) => tf.reshape(sum, tensors[i]?.shape ?? []));
}

/** Numbers summed over all processes, in float32: whole ones up to 2^24 exactly. */
export function sumOverWorkers(values: readonly number[]): number[] {
  if (workers().count === 1) return [...values];
  renumber();
  return tf.tidy(() => [...allReduce(tf.tensor1d([...values])).dataSync()]);
}

/** What each process gives, as many numbers in each, by its task. */
export function gather(values: readonly number[]): number[][] {
  const { count, task } = workers();
  const size = values.length;
  const row = (of: number): readonly number[] => (of === task ? values : values.map(() => 0));
  const all = sumOverWorkers(Array.from({ length: count }, (_, i) => row(i)).flat());
  return Array.from({ length: count }, (_, i) => all.slice(i * size, (i + 1) * size));
}

/** Returns when all processes have come here. */
export function meet(): void {
  sumOverWorkers([1]);
}

/**
 * For work between two sums, which would fail by itself.
 * @throws Error, which `explained` explains, when a worker that this one watches is lost
 */
export function requirePeers(): void {
  const lost = workers().count > 1 && backend().binding.lostPeer?.();
  if (lost) throw new Error(lost);
}

/** The error to tell where `error` says that workers do not reach one another; else `error` itself. */
export function explained(error: unknown): unknown {
  const message = messageOf(error);
  if (workers().count === 1 || !/collective|no sign of life|grpc/i.test(message)) return error;
  // The watch says so of whom it asks; of a sum under way TensorFlow tells no more than what became of its connection.
  const [, task, reason] =
    /no sign of life from \S*task:(\d+): (.*?)(?: Additional| :UNKNOWN|$)/.exec(message) ?? [];
  return new WorkerLostError({
    problem:
      'the workers no longer reach one another: one of them has ended, hangs, or its machine is cut off',
    given: task === undefined ? message : `task ${task}, ${cluster.workers[Number(task)]}: ${reason}`,
    mend: 'see what that worker says itself; then start all of them again, with --resume to go on from the last checkpoint',
    cause: error,
  });
}

/** In one line. */
function messageOf(error: unknown): string {
  return error instanceof Error ? error.message.replace(/\s+/g, ' ') : String(error);
}
