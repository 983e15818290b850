/** Streams of batches that take turns at every batch, in threads of their own with networks of their own. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { BundleManifest } from '../src/bundle/manifest.js';
import type { Lane } from '../src/predict/conveyor.js';
import type { GraphFiles } from '../src/predict/onnx-node.js';

/** Images of a batch, and what the caller calls them. */
export interface Batch {
  readonly images: readonly Uint8Array[];
  readonly ids: readonly number[];
}

/** What ONNX Runtime loads. */
export interface Network {
  readonly files: GraphFiles;
  readonly manifest: Pick<BundleManifest, 'steps' | 'image'>;
}

/** What a thread races. */
export interface RaceSetting {
  readonly networks: readonly Network[];
  /** Of each session. */
  readonly threads: number;
  readonly lanes: readonly { readonly network: number; readonly thresholds: readonly number[] }[];
  readonly images: readonly Uint8Array[];
  readonly batch: number;
}

/** Of the images that threads are given: shared, so that each has them without a copy. */
export function shared(images: readonly Uint8Array[]): Uint8Array[] {
  return images.map(image => {
    const copy = new Uint8Array(new SharedArrayBuffer(image.length));
    copy.set(image);
    return copy;
  });
}

export function batchesOf(images: readonly Uint8Array[], batch: number): Batch[] {
  return Array.from({ length: Math.ceil(images.length / batch) }, (_, i) => {
    const some = images.slice(i * batch, (i + 1) * batch);
    return { images: some, ids: some.map((_, k) => i * batch + k) };
  });
}

/**
 * Milliseconds that each lane takes for all batches, which pass so many times without a stop. The lanes take turns at every batch, in
 * an order that turns as well: a machine that grows slower or faster hits them alike.
 */
export async function race(lanes: readonly Lane[], batches: readonly Batch[], laps = 1): Promise<number[]> {
  const times = lanes.map(() => 0);
  const timed = async (k: number, work: (lane: Lane) => AsyncIterable<unknown>): Promise<void> => {
    const start = performance.now();
    await drain(work(lanes[k] as Lane));
    times[k] = (times[k] ?? 0) + performance.now() - start;
  };
  for (let turn = 0; turn < laps * batches.length; turn++) {
    const { images, ids } = batches[turn % batches.length] as Batch;
    for (const i of lanes.keys()) await timed((turn + i) % lanes.length, lane => lane.put(images, ids));
  }
  for (const k of lanes.keys()) await timed(k, lane => lane.finish());
  return times.map(time => time / laps);
}

/** Threads that race at the same time, each by itself. */
export class Race {
  private constructor(private readonly threads: readonly Worker[]) {}

  /** @param count of threads */
  static async start(setting: RaceSetting, count: number): Promise<Race> {
    const program = new URL('racer.js', import.meta.url);
    const threads = Array.from({ length: count }, () => new Worker(program, { workerData: setting }));
    await Promise.all(threads.map(thread => once(thread, 'message')));
    return new Race(threads);
  }

  /** Of each lane, the milliseconds in which all threads together take as many images through it as one has. */
  async run(laps: number): Promise<number[]> {
    const times = await Promise.all(
      this.threads.map(async thread => {
        const answer = once(thread, 'message');
        thread.postMessage(laps);
        const [times] = (await answer) as [readonly number[]];
        return times;
      }),
    );
    const [first = []] = times;
    return first.map((_, lane) => 1 / times.reduce((sum, own) => sum + 1 / (own[lane] ?? NaN), 0));
  }

  /** Between two runs, so that none is within ONNX Runtime. */
  async end(): Promise<void> {
    await Promise.all(this.threads.map(thread => thread.terminate()));
  }
}

export async function drain(work: AsyncIterable<unknown>): Promise<void> {
  const iterator = work[Symbol.asyncIterator]();
  while ((await iterator.next()).done !== true);
}
