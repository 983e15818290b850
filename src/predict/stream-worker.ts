/** A worker thread: holds the networks of a bundle once more, and takes the steps of streams with them, batch by batch. */
import { parentPort, workerData } from 'node:worker_threads';
import { readBundle } from '../bundle/files.js';
import { BundleError } from '../errors/index.js';
import type { Looked, StreamOptions } from './conveyor.js';
import { Conveyor } from './conveyor.js';
import { loadRunner } from './onnx-node.js';
import { Guard } from './guard.js';
import type { Begin, Message, Order, Report, WorkerSetting } from './orders.js';
import type { StepRunner } from './step-runner.js';
import { within } from './step-runner.js';

const { bundle, manifest, options, guard: memory } = workerData as WorkerSetting;
const guard = new Guard(memory);
const runner = await guard.during(load);
parentPort?.on('message', (message: Message) => {
  // Between two steps: no graph is being run.
  if (message === 'end') process.exit();
  carry(message);
});

async function load(): Promise<StepRunner> {
  if (typeof bundle === 'string' && JSON.stringify(readBundle(bundle)) !== JSON.stringify(manifest)) {
    throw new BundleError({
      problem: `${bundle} is not what it was when it was loaded`,
      mend: 'load it again',
    });
  }
  return within(await loadRunner(bundle, manifest, options), take => guard.during(take));
}

/** Carries out what is ordered of a stream, one order after the other. */
function carry({ port, options }: Begin): void {
  const ended = new AbortController();
  const conveyor = new Conveyor(runner, { ...options, goOn: () => ended.signal.throwIfAborted() });
  const say = (report: Report): void => port.postMessage(report);
  const next = async (order: Order): Promise<void> => {
    const looks = order.kind === 'finish' ? conveyor.finish() : put(conveyor, order, options);
    for await (const looked of looks) say({ kind: 'looked', looked });
    say({ kind: 'done' });
  };
  let last = Promise.resolve();
  port.on('message', (order: Order) => {
    last = last.then(() => next(order)).catch((error: unknown) => say({ kind: 'failed', error }));
  });
  port.on('close', () => {
    ended.abort();
    void last.then(() => conveyor.dispose());
  });
  say({ kind: 'done' });
}

function put(
  conveyor: Conveyor<unknown>,
  { pixels, ids }: Extract<Order, { kind: 'put' }>,
  { batchSize }: StreamOptions,
): AsyncIterable<Looked> {
  // ONNX Runtime takes no shared memory: of batches the conveyor makes a copy, one by itself would be taken where it is.
  const own = batchSize === 1 ? pixels.slice() : pixels;
  const size = runner.imageSize;
  return conveyor.put(
    ids.map((_, i) => own.subarray(i * size, (i + 1) * size)),
    ids,
  );
}
