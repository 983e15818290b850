/** A worker thread: prepares the images of one job after the other. It must not load tfjs-node, which takes one thread a process. */
import { createRequire } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import sharp from 'sharp';
import type { JpegModule } from '../../engine/jpeg.js';
import type { Explanation } from '../../errors/index.js';
import { ImageError } from '../../errors/index.js';
import type { Answer, Fault, Job, WorkerSettings } from './job.js';
import { done } from './job.js';
import { nameOf } from './listing.js';
import { prepare } from './prepare.js';
import { readSource } from './read.js';

// Nothing is read twice, and keeping it takes longer.
sharp.cache(false);

const { number, lanes, jpeg } = workerData as WorkerSettings;
const native = jpeg === undefined ? undefined : (createRequire(import.meta.url)(jpeg) as JpegModule);
const queues = Array.from({ length: lanes }, () => Promise.resolve());

parentPort?.on('message', (job: Job) => {
  queues.forEach((queue, lane) => {
    queues[lane] = queue.then(async () => parentPort?.postMessage(await work(job)));
  });
});

async function work(job: Job): Promise<Answer> {
  const { id, items, plan, pixels, ledger } = job;
  const size = pixels.length / items.length;
  const faults: Fault[] = [];
  for (let place = Atomics.add(ledger, 0, 1); place < items.length; place = Atomics.add(ledger, 0, 1)) {
    const item = items[place];
    if (!item) break;
    Atomics.store(ledger, 1 + place, number);
    try {
      const given = nameOf(item.source);
      pixels.set(await prepare(readSource(item.source), given, plan, item, native), place * size);
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      faults.push({ place, explanation: portable(error.explanation) });
    }
    Atomics.store(ledger, 1 + place, done);
  }
  return { id, faults };
}

/** Without what caused it, which may be of a kind that no message can carry. */
function portable({ problem, given, allowed, mend }: Explanation): Explanation {
  return {
    problem,
    ...(given !== undefined && { given }),
    ...(allowed !== undefined && { allowed }),
    ...(mend !== undefined && { mend }),
  };
}
