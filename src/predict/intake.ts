/** Takes images from a source, which may be slow, and decodes them batch by batch, each batch while the one before is being worked on. */
import { ImageError } from '../errors/index.js';
import type { Decoded, Failed } from './stream.js';

type Entry<Source> = Decoded<Source> | Failed<Source>;

interface IntakeOptions<Source> {
  /** Images of a batch. */
  readonly size: number;
  readonly decode: (source: Source) => Promise<Uint8Array>;
  readonly signal?: AbortSignal | undefined;
}

/** Milliseconds that a batch waits for images that fill it. */
const patience = 50;

export class Intake<Source> {
  readonly #iterator: Iterator<Source> | AsyncIterator<Source>;
  readonly #entries: Promise<Entry<Source>>[] = [];
  /** Whether the source was asked for an image that it has not given. */
  #asking = false;
  #ended = false;
  #failure: { readonly error: unknown } | undefined;
  /** Told of each image, and of the end. */
  #listener: () => void = nothing;

  constructor(
    sources: Iterable<Source> | AsyncIterable<Source>,
    private readonly options: IntakeOptions<Source>,
  ) {
    this.#iterator =
      Symbol.asyncIterator in sources ? sources[Symbol.asyncIterator]() : sources[Symbol.iterator]();
  }

  /**
   * At most two batches are in memory: the one that is given, and the next. One that is not full, or empty, says that there are no more images
   * for now; such a one is the last.
   * @throws the signal's reason, also while the source is silent; what the source throws, once the images before are given
   */
  async *batches(): AsyncGenerator<readonly Entry<Source>[]> {
    const { size, signal } = this.options;
    let batch: readonly Entry<Source>[] = [];
    try {
      do {
        // No image waits for others.
        if (batch.length < size) await this.#until(() => this.#entries.length > 0 || this.#ended);
        await this.#until(() => this.#complete, patience);
        batch = await Promise.all(this.#entries.splice(0));
        signal?.throwIfAborted();
        void this.#fill();
        yield batch;
      } while (!this.#ended || this.#entries.length > 0 || batch.length === size);
      if (this.#failure) throw this.#failure.error;
    } finally {
      await this.#close();
    }
  }

  /** Whether the next batch will have no more images. */
  get #complete(): boolean {
    return this.#ended || this.#entries.length === this.options.size;
  }

  /** Or until the milliseconds have passed. @throws the signal's reason as soon as it is aborted */
  async #until(ready: () => boolean, milliseconds?: number): Promise<void> {
    const { signal } = this.options;
    signal?.throwIfAborted();
    void this.#fill();
    if (ready()) return;
    let goOn: () => void = nothing;
    const waited = new Promise<void>(resolve => (goOn = resolve));
    const timer = milliseconds === undefined ? undefined : setTimeout(goOn, milliseconds);
    signal?.addEventListener('abort', goOn);
    this.#listener = () => {
      if (ready()) goOn();
    };
    await waited;
    this.#listener = nothing;
    signal?.removeEventListener('abort', goOn);
    clearTimeout(timer);
    signal?.throwIfAborted();
  }

  async #fill(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    try {
      while (!this.#complete) {
        const next = await this.#iterator.next();
        if (this.#ended) return;
        if (next.done === true) this.#ended = true;
        else this.#entries.push(this.#entry(next.value));
        this.#listener();
      }
    } catch (error) {
      this.#failure = { error };
      this.#ended = true;
      this.#listener();
    } finally {
      this.#asking = false;
    }
  }

  #entry(source: Source): Promise<Entry<Source>> {
    const entry = this.options.decode(source).then(
      pixels => ({ source, pixels }),
      (error: unknown) => {
        if (error instanceof ImageError) return { source, error };
        throw error;
      },
    );
    // Whoever awaits it hears of its failure; until then it is not one that nobody heard of.
    entry.catch(nothing);
    return entry;
  }

  /** A source that is being asked is told too, but not waited for: it may be silent for long. */
  async #close(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    const closed = Promise.resolve(this.#iterator.return?.());
    if (this.#asking) closed.catch(nothing);
    else await closed;
  }
}

function nothing(): void {
  return;
}
