/** Images decoded batch by batch, each batch while the one before is being worked on. */
import { ImageError } from '../errors/index.js';
import type { Prediction } from './prediction.js';

/** What became of one image of a stream. */
export type Outcome<Source> = Answered<Source> | Failed<Source>;

export interface Answered<Source> {
  readonly source: Source;
  /** As the model saw it: [height, width, channels] of its shape. */
  readonly pixels: Uint8Array;
  readonly prediction: Prediction;
}

export interface Failed<Source> {
  readonly source: Source;
  readonly error: ImageError;
}

export interface Decoded<Source> {
  readonly source: Source;
  readonly pixels: Uint8Array;
}

type Batch<Source> = readonly (Decoded<Source> | Failed<Source>)[];

/** At most two batches are in memory: the one that is given, and the next, which is decoded meanwhile. */
export async function* inBatches<Source>(
  sources: Iterable<Source> | AsyncIterable<Source>,
  size: number,
  decode: (source: Source) => Promise<Uint8Array>,
  signal?: AbortSignal,
): AsyncGenerator<Batch<Source>> {
  const iterator =
    Symbol.asyncIterator in sources ? sources[Symbol.asyncIterator]() : sources[Symbol.iterator]();
  const begin = (): Promise<Batch<Source>> => {
    const batch = nextBatch(iterator, size, decode, signal);
    // Whoever awaits it hears of its failure; until then it is not one that nobody heard of.
    batch.catch(() => undefined);
    return batch;
  };
  try {
    let next = begin();
    for (;;) {
      const batch = await next;
      if (batch.length === 0) return;
      next = begin();
      yield batch;
    }
  } finally {
    await iterator.return?.();
  }
}

async function nextBatch<Source>(
  iterator: Iterator<Source> | AsyncIterator<Source>,
  size: number,
  decode: (source: Source) => Promise<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<Batch<Source>> {
  const entries: Promise<Decoded<Source> | Failed<Source>>[] = [];
  while (entries.length < size) {
    signal?.throwIfAborted();
    const next = await iterator.next();
    if (next.done === true) break;
    const { value } = next;
    const entry = decode(value).then(
      pixels => ({ source: value, pixels }),
      (error: unknown) => {
        if (error instanceof ImageError) return { source: value, error };
        throw error;
      },
    );
    entry.catch(() => undefined);
    entries.push(entry);
  }
  return Promise.all(entries);
}
