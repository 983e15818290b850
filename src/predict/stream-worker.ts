/** A worker thread: holds the networks of a bundle once more, and takes the steps of streams with them, batch by batch. */
import { parentPort, workerData } from 'node:worker_threads';
import { readBundle } from '../bundle/files.js';
import { BundleError } from '../errors/index.js';
import type { Looked } from './conveyor.js';
import { Conveyor } from './conveyor.js';
import { Guard } from './guard.js';
import { loadRunner } from './onnx-node.js';
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
  // ONNX Runtime takes no shared memory: of batches the conveyor makes a copy, one by itself would be taken where it is.
  const own = options.batchSize === 1 ? new Uint8Array(runner.imageSize) : undefined;
  const imagesOf = (pixels: Uint8Array, count: number): Uint8Array[] => {
    own?.set(pixels);
    const size = runner.imageSize;
    return own ? [own] : Array.from({ length: count }, (_, i) => pixels.subarray(i * size, (i + 1) * size));
  };
  const say = (report: Report): void => port.postMessage(report);
  const next = async (order: Order): Promise<void> => {
    const steps =
      order.kind === 'finish'
        ? conveyor.finish()
        : conveyor.put(imagesOf(order.pixels, order.ids.length), order.ids);
    const looks: Looked[] = [];
    for await (const looked of steps) looks.push(looked);
    say({ kind: 'done', looks });
  };
  let last = Promise.resolve();
  port.on('message', (order: Order) => {
    last = last.then(() => next(order)).catch((error: unknown) => say({ kind: 'failed', error }));
  });
  port.on('close', () => {
    ended.abort();
    void last.then(() => conveyor.dispose());
  });
  say({ kind: 'done', looks: [] });
}
