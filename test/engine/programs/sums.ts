/**
 * One of several processes whose engines add up. Arguments: the workers' addresses, joined by commas; which of them this is; JSON of its
 * rows (see `Rows`). Prints what came of them as JSON.
 */
import * as tf from '@tensorflow/tfjs-core';
import { allReduceTree, gather, joinWorkers, meet } from '../../../src/engine/collectives.js';
import { startEngine } from '../../../src/engine/start.js';
import type { Rows } from './normalised.js';
import { normalised, read } from './normalised.js';

const [, , workers = '', task, rows = ''] = process.argv;
startEngine({ threads: 1 });
await joinWorkers({ workers: workers.split(','), task: Number(task) });
const numbers = (size: number): tf.Tensor => tf.add(tf.range(0, size), 1000 * Number(task));
const sums = [1, 2, 3, 5000, 70_000].map(size =>
  tf.tidy(() => [...allReduceTree({ x: numbers(size) }).x.dataSync()]),
);
const tree = tf.tidy(() => {
  const { large, others } = allReduceTree({ large: numbers(70_000), others: [numbers(2), numbers(3)] });
  return [large, ...others].map(sum => [...sum.dataSync()]);
});
const { outputs, own } = normalised(JSON.parse(rows) as Rows, true);
const gathered = gather([Number(task), 7]);
meet();
process.stdout.write(JSON.stringify({ sums, tree, gathered, outputs: read(outputs), own: read(own) }));
