/**
 * A training process that does as many steps as it is told, or sums of as many numbers as a step has gradients (`sums N`), and answers with
 * the time they took. Arguments: the workers' addresses, joined by
 * commas, or nothing for a process alone; which of them this is; images of each.
 */
import { createInterface } from 'node:readline';
import * as tf from '@tensorflow/tfjs-core';
import { allReduce, joinWorkers, meet, renumber } from '../src/engine/collectives.js';
import { startEngine } from '../src/engine/start.js';
import { networkContest } from './networks.js';

const [, , workers = '', task, batch] = process.argv;
startEngine({ threads: 1 });
if (workers !== '') await joinWorkers({ workers: workers.split(','), task: Number(task) });
const training = networkContest({
  name: 'resnet50',
  work: 'training',
  side: 96,
  batch: Number(batch),
  precision: 'float32',
}).start();
let done = 0;
const take = (steps: number): number => {
  const started = performance.now();
  for (let i = 0; i < steps; i++) {
    training.step(done++);
    // As the training loop asks after each step whether one of the workers is told to stop.
    meet();
  }
  return (performance.now() - started) / 1000;
};

/** The parameters of resnet50. */
const numbers = 25_557_032;
function addUp(times: number): number {
  const values = tf.zeros([numbers]);
  const started = performance.now();
  for (let i = 0; i < times; i++) {
    renumber();
    tf.dispose(allReduce(values));
  }
  return (performance.now() - started) / 1000;
}

take(2);
process.stdout.write('ready\n');
for await (const line of createInterface({ input: process.stdin })) {
  const [, sums] = /^sums (\d+)$/.exec(line) ?? [];
  process.stdout.write(`${sums === undefined ? take(Number(line)) : addUp(Number(sums))}\n`);
}
