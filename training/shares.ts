/** How the workers share the rows of a joint batch out among them: each takes as many, in the order of their tasks. */
import { createHash } from 'node:crypto';
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { allReduce, allReduceTree, gather, meet, workers } from '../src/engine/collectives.js';
import type { Tensors } from '../src/engine/gradients.js';
import { mapTree } from '../src/engine/tensor-tree.js';
import { RunError } from '../src/errors/index.js';

/** What this worker takes of as many rows: from, and up to; alone, all. Where they do not divide evenly, shares differ by one. */
export function shareOf(rows: number): [from: number, to: number] {
  const { count, task } = workers();
  return [Math.floor((task * rows) / count), Math.floor(((task + 1) * rows) / count)];
}

/**
 * This worker's rows of what is drawn for the joint batch, which all workers draw alike.
 * @param rows of this worker
 * @returns [rows, width]
 */
export function ownDraws(draw: (count: number) => Float32Array, rows: number, width: number): tf.Tensor2D {
  const joint = rows * workers().count;
  const [from] = shareOf(joint);
  const values = draw(joint * width).slice(from * width, (from + rows) * width);
  return tf.tensor2d(values, [rows, width]);
}

/** Mean over the rows, or over all that `x` has, of all workers, each of which has as much. */
export function jointMean<T extends Tensor>(x: Tensor, axis?: number): T {
  const own = tf.mean<T>(x, axis);
  const { count } = workers();
  return count === 1 ? own : tf.div(allReduce(own), count);
}

/** Variance likewise. */
export function jointVariance<T extends Tensor>(x: Tensor, axis?: number): T {
  return jointMean(tf.square(tf.sub(x, jointMean(x, axis))), axis);
}

/** Tensors of which each worker has a mean over its rows, as means over those of all. */
export function meanOverWorkers(own: Tensors): Tensors {
  const { count } = workers();
  if (count === 1) return own;
  return mapTree(allReduceTree(own), sum => tf.div(sum, count));
}

/** @throws RunError, in all workers, where `what` is not the same in all */
export function requireSame(what: object): void {
  const bytes = createHash('sha256').update(JSON.stringify(what)).digest();
  // 24 bits each, which float32 sums keep.
  const digest = [0, 3, 6, 9].map(at => bytes.readUIntBE(at, 3));
  const all = gather(digest).map(String);
  const other = all.findIndex(row => row !== all[0]);
  if (other < 0) return;
  // So that each has what the others gave before one of them ends.
  meet();
  throw new RunError({
    problem: 'the workers do not train the same',
    given: `task ${other} has another configuration, seed, data set or checkpoint than task 0`,
    mend: 'start all with the same options on the same data; --out and --from must be folders that all of them see',
  });
}
