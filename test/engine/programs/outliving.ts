/**
 * One of several processes, of which this one may be lost, or another. Arguments: the workers' addresses, joined by commas; which of them
 * this is. Prints a line once it has joined, then works without a sum until a worker is lost, and prints the error that tells so.
 */
import { setTimeout } from 'node:timers/promises';
import { explained, joinWorkers, requirePeers } from '../../../src/engine/collectives.js';
import { startEngine } from '../../../src/engine/start.js';
import type { WorkerLostError } from '../../../src/errors/index.js';

const [, , workers = '', task] = process.argv;
startEngine({ threads: 1 });
await joinWorkers({ workers: workers.split(','), task: Number(task) });
process.stdout.write('joined\n');
const end = performance.now() + 60_000;
while (performance.now() < end) {
  await setTimeout(50);
  try {
    requirePeers();
  } catch (error) {
    const told = explained(error) as WorkerLostError;
    process.stdout.write(`${told.name}: ${told.message.replace(/\s+/g, ' ')}\n`);
    break;
  }
}
