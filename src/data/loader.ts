/** Batches, prepared ahead of the step that takes them. */
import { permutation, stream } from '../random/index.js';
import { DataError } from '../errors/index.js';
import type { Dataset } from './dataset.js';

export interface Batch {
  /** [size, height, width, channels] in [0, 1]; its own memory, which TensorFlow may keep. */
  readonly images: Float32Array;
  readonly labels: Int32Array;
  /** Places in the data set. */
  readonly indices: Int32Array;
  readonly size: number;
  /** The image that comes before the first of these in the joint batch (before the very first, the last), where it was asked for. */
  readonly before?: Batch;
}

export interface LoaderOptions {
  /** Places in the data set, in the order they are read. */
  readonly order: Int32Array;
  readonly batchSize: number;
  readonly epoch: number;
  /** Whether a last batch of fewer images is left out (training) or given (evaluation). */
  readonly dropLast: boolean;
  /** Batches prepared before they are asked for. */
  readonly ahead?: number;
  /** Which of a batch's rows are read, where several processes share it: `from`, and up to `to`. All when absent. */
  readonly rows?: readonly [from: number, to: number];
  /** Whether the image before them is wanted too, see `Batch`. */
  readonly withBefore?: boolean;
}

/** The order of a training epoch. */
export function shuffled(dataset: Dataset, seed: number, epoch: number): Int32Array {
  return permutation(stream(seed, 'shuffle', epoch), dataset.size);
}

/** The data set's own order. */
export function inOrder(dataset: Dataset): Int32Array {
  return Int32Array.from({ length: dataset.size }, (_, i) => i);
}

async function load(dataset: Dataset, indices: Int32Array, epoch: number): Promise<Batch> {
  const { height, width, channels } = dataset.shape;
  const images = new Float32Array(indices.length * height * width * channels);
  const labels = new Int32Array(indices.length);
  await dataset.read(indices, epoch, images, labels);
  return readable({ images, labels, indices, size: indices.length });
}

/** Without the images that could not be read. */
function readable(batch: Batch): Batch {
  const { images, labels, indices, size } = batch;
  const kept = [...labels.keys()].filter(i => labels[i] !== -1);
  if (kept.length === size) return batch;
  const pixels = images.length / size;
  const remaining = new Float32Array(kept.length * pixels);
  kept.forEach((i, to) => remaining.set(images.subarray(i * pixels, (i + 1) * pixels), to * pixels));
  const pick = (values: Int32Array): Int32Array => Int32Array.from(kept, i => values[i] ?? 0);
  return { images: remaining, labels: pick(labels), indices: pick(indices), size: kept.length };
}

/** The batches of an epoch, some of them smaller where images cannot be read. */
export async function* batches(
  dataset: Dataset,
  { order, batchSize, epoch, dropLast, ahead = 2, rows = [0, batchSize], withBefore }: LoaderOptions,
): AsyncGenerator<Batch> {
  const read = async (joint: Int32Array): Promise<Batch> => {
    const [from, to] = rows;
    const own = load(dataset, joint.subarray(from, to), epoch);
    if (!withBefore) return own;
    const last = (from + joint.length - 1) % joint.length;
    const [batch, before] = await Promise.all([own, load(dataset, joint.subarray(last, last + 1), epoch)]);
    return { ...batch, before };
  };
  const count = dropLast ? Math.floor(order.length / batchSize) : Math.ceil(order.length / batchSize);
  const queue: Promise<Batch>[] = [];
  for (let next = 0, given = 0; given < count; given++) {
    for (; next < count && queue.length <= ahead; next++) {
      const batch = read(order.subarray(next * batchSize, (next + 1) * batchSize));
      // An error surfaces when its batch is taken, not before.
      batch.catch(() => undefined);
      queue.push(batch);
    }
    const batch = queue.shift();
    if (batch) yield await batch;
  }
}

/** Reads images until one can be read. @throws DataError where none can */
export async function requireReadable(dataset: Dataset): Promise<void> {
  const one = { order: inOrder(dataset), batchSize: 1, epoch: 0, dropLast: false, ahead: 0 };
  for await (const { size } of batches(dataset, one)) if (size > 0) return;
  throw unreadable(dataset);
}

/** Of which no image can be read. */
export function unreadable({ name }: Dataset): DataError {
  return new DataError({
    problem: 'none of the images can be read',
    given: name,
    mend: 'gfnet data check names the broken files; see also that the disk is there',
  });
}
