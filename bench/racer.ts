/** A thread of a `Race`: told how many laps, it answers with the times of its lanes. Where networks are loaded, it says so. */
import { parentPort, workerData } from 'node:worker_threads';
import { blocksFor, Conveyor } from '../src/predict/conveyor.js';
import { loadRunner } from '../src/predict/onnx-node.js';
import type { RaceSetting } from './race.js';
import { batchesOf, race } from './race.js';

const { networks, threads, lanes, images, batch } = workerData as RaceSetting;
const runners = await Promise.all(
  networks.map(({ files, manifest }) => loadRunner(files, manifest, { threads })),
);
const conveyors = lanes.flatMap(({ network, thresholds }) => {
  const runner = runners[network];
  return runner ? [new Conveyor(runner, { batchSize: batch, blocks: blocksFor(batch), thresholds })] : [];
});
// ONNX Runtime takes no shared memory: of batches the conveyor makes a copy, one by itself is taken where it is.
const batches = batchesOf(batch === 1 ? images.map(image => image.slice()) : images, batch);
parentPort?.on('message', (laps: number) => {
  void race(conveyors, batches, laps).then(times => parentPort?.postMessage(times));
});
parentPort?.postMessage('ready');
