/**
 * Continuous batching: images that are confident leave, those that are not wait until as many wait for the same network as a batch holds,
 * whichever batches they came in. So every step is taken by full batches, however few images need it.
 */
import type { StepAnswer } from '../model/answer.js';
import { confidences } from '../model/answer.js';
import { UsageError } from '../errors/index.js';
import { upTo } from './places.js';
import type { ImageStore, StepRunner, Taken } from './step-runner.js';
import type { Stopwatch } from './stopwatch.js';

export interface StreamOptions {
  /** Images that take a step together. */
  readonly batchSize: number;
  /** One for each step but the last: images leave once their confidence reaches it. */
  readonly thresholds: readonly number[];
  /** Batches that may be on their way at the same time. */
  readonly blocks: number;
}

interface ConveyorOptions extends StreamOptions {
  /** Milliseconds from when an image is put; no step is begun that would not end within them. */
  readonly maxMs?: number | undefined;
  /** Called before each step; throws where none is to be taken. */
  readonly goOn?: () => void;
  readonly stopwatch?: Stopwatch;
  /** Where images lie meanwhile: `storeLength` bytes, or more; made where it is absent. */
  readonly store?: Uint8Array;
}

interface Ticket {
  /** What the caller calls the image. */
  readonly id: number;
  /** The batch it came in. */
  readonly block: number;
  /** Steps taken. */
  readonly steps: number;
  /** When it must be answered, as `performance.now` counts. */
  readonly until: number;
}

interface Waiting<Rows> {
  readonly tickets: readonly Ticket[];
  readonly rows: Rows;
}

/** What some images were answered; they may be at different steps. */
export interface Looked {
  readonly answer: Pick<StepAnswer, 'probabilities' | 'actions'>;
  /** For each row of the answer: whose it is, the step it is of (from 1), and whether it is the last. */
  readonly images: readonly { readonly id: number; readonly step: number; readonly last: boolean }[];
}

/** What takes the steps of a stream, here or elsewhere. */
export interface Lane {
  /** These images, at most a batch; what is looked at meanwhile is given, of these or of others. */
  put(images: readonly Uint8Array[], ids: readonly number[]): AsyncIterable<Looked>;
  /** All further steps. */
  finish(): AsyncIterable<Looked>;
  /** Gives up what is on its way. */
  dispose(): void;
}

/** What begins streams elsewhere. */
export interface Lanes {
  /** @param goOn called before steps; throws where none is to be taken */
  begin(options: StreamOptions, goOn: () => void): Lane;
  dispose(): Promise<void>;
}

/** For a stream: at least four batches and 128 images, for the more are on their way, the fuller are the batches of later steps. */
export function blocksFor(batchSize: number): number {
  return Math.max(4, Math.ceil(128 / batchSize));
}

/** Where each image is a batch of its own none is copied: it stays where it is. */
export function storeLength(
  { imageSize }: Pick<StepRunner, 'imageSize'>,
  { batchSize, blocks }: Pick<ConveyorOptions, 'batchSize' | 'blocks'>,
): number {
  return batchSize === 1 ? 0 : blocks * batchSize * imageSize;
}

/** @throws UsageError where there is no memory for batches of this size */
export function memoryFor<Memory>(batchSize: number, bytes: number, take: (bytes: number) => Memory): Memory {
  try {
    return take(bytes);
  } catch (cause) {
    throw new UsageError({
      problem: 'there is no memory for batches of this size',
      given: `batchSize ${batchSize}`,
      allowed: `images that together take less memory than there is; these would take ${bytes} bytes`,
      cause,
    });
  }
}

export class Conveyor<Rows> implements Lane {
  readonly #waiting = new Map<unknown, Waiting<Rows>[]>();
  /** Images of each block that have not left. */
  readonly #inside: number[];
  readonly #store: Uint8Array;
  #next = 0;

  constructor(
    private readonly runner: StepRunner<Rows>,
    private readonly options: ConveyorOptions,
  ) {
    this.#inside = Array.from({ length: options.blocks }, () => 0);
    this.#store = options.store ?? new Uint8Array(storeLength(runner, options));
  }

  /**
   * Takes the first step with these images, at most a batch, and further steps with as many as fill a batch.
   * @param images one that is a batch by itself must not change until it has left
   */
  async *put(images: readonly Uint8Array[], ids: readonly number[]): AsyncGenerator<Looked> {
    if (images.length === 0) return;
    const { batchSize, maxMs = Infinity } = this.options;
    const until = performance.now() + maxMs;
    // In a ring, so that no image waits for longer than the others take to go round.
    const block = this.#next++ % this.#inside.length;
    while ((this.#inside[block] ?? 0) > 0) yield await this.#takeOf(this.#awaitedBy(block));
    this.#inside[block] = images.length;
    const tickets = ids.map(id => ({ id, block, steps: 0, until }));
    yield await this.#take({ tickets, rows: this.runner.begin(this.#placed(images, block)) });
    for (const [network, parts] of this.#waiting)
      while (count(parts) >= batchSize) yield await this.#takeOf(network);
  }

  /** Takes all further steps, the earliest first, for who takes them may wait for the next. */
  async *finish(): AsyncGenerator<Looked> {
    for (;;) {
      const earliest = [...this.#waiting]
        .filter(([, parts]) => parts.length > 0)
        .sort(([, a], [, b]) => leastSteps(a) - leastSteps(b))[0];
      if (!earliest) return;
      yield await this.#takeOf(earliest[0]);
    }
  }

  /** All steps of these images, at most a batch. */
  async *all(images: readonly Uint8Array[]): AsyncGenerator<Looked> {
    yield* this.put(images, [...images.keys()]);
    yield* this.finish();
  }

  /** Frees what still waits. */
  dispose(): void {
    for (const parts of this.#waiting.values()) for (const { rows } of parts) this.runner.free(rows);
    this.#waiting.clear();
  }

  #placed(images: readonly Uint8Array[], block: number): ImageStore {
    const [only] = images;
    if (this.options.batchSize === 1 && only) return { pixels: only, places: Int32Array.of(0) };
    const first = block * this.options.batchSize;
    images.forEach((image, i) => this.#store.set(image, (first + i) * this.runner.imageSize));
    return { pixels: this.#store, places: upTo(images.length).map(i => first + i) };
  }

  /** The network that images of a block wait for. */
  #awaitedBy(block: number): unknown {
    const [network] =
      [...this.#waiting].find(([, parts]) =>
        parts.some(({ tickets }) => tickets.some(ticket => ticket.block === block)),
      ) ?? [];
    return network;
  }

  /** With the first of those that wait for the network, at most a batch. */
  #takeOf(network: unknown): Promise<Looked> {
    const { batchSize } = this.options;
    const parts = this.#waiting.get(network) ?? [];
    const chosen: Waiting<Rows>[] = [];
    let room = batchSize;
    while (room > 0 && parts.length > 0) {
      const part = parts.shift() as Waiting<Rows>;
      const fits = part.tickets.length <= room ? part : this.#split(part, room, parts);
      chosen.push(fits);
      room -= fits.tickets.length;
    }
    const [only] = chosen;
    return this.#take(
      chosen.length === 1 && only
        ? only
        : {
            tickets: chosen.flatMap(({ tickets }) => tickets),
            rows: this.runner.join(chosen.map(({ rows }) => rows)),
          },
    );
  }

  /** The first `room` of a part; the others go back to the front of `parts`. */
  #split({ tickets, rows }: Waiting<Rows>, room: number, parts: Waiting<Rows>[]): Waiting<Rows> {
    const all = upTo(tickets.length);
    const [first, rest] = this.runner.part(rows, [all.subarray(0, room), all.subarray(room)]);
    parts.unshift({ tickets: tickets.slice(room), rows: rest as Rows });
    return { tickets: tickets.slice(0, room), rows: first as Rows };
  }

  async #take({ tickets, rows }: Waiting<Rows>): Promise<Looked> {
    const { networks } = this.runner;
    const step = tickets[0]?.steps ?? 0;
    const started = performance.now();
    const { answer, rows: next } = await this.#taken(step, rows);
    this.options.stopwatch?.note(networks[step], tickets.length, performance.now() - started);
    const stays = this.#staying(answer, tickets);
    const goOn = new Map<unknown, number[]>();
    tickets.forEach(({ block, steps }, i) => {
      if (!stays[i]) this.#inside[block] = (this.#inside[block] ?? 0) - 1;
      else pushTo(goOn, networks[steps + 1], i);
    });
    if (goOn.size === 0) this.runner.free(next);
    else this.#queue(next, tickets, goOn);
    const { probabilities, actions } = answer;
    return {
      answer: { probabilities, actions },
      images: tickets.map(({ id, steps }, i) => ({ id, step: steps + 1, last: stays[i] !== true })),
    };
  }

  async #taken(step: number, rows: Rows): Promise<Taken<Rows>> {
    try {
      this.options.goOn?.();
      return await this.runner.take(step, rows);
    } catch (error) {
      this.runner.free(rows);
      throw error;
    }
  }

  #staying({ probabilities }: Omit<StepAnswer, 'rows'>, tickets: readonly Ticket[]): boolean[] {
    const { thresholds } = this.options;
    const lastStep = this.runner.networks.length - 1;
    const confidence = confidences(probabilities, tickets.length);
    const stays = tickets.map(
      ({ steps }, i) => steps < lastStep && (confidence[i] ?? 0) < (thresholds[steps] ?? Infinity),
    );
    const left = stays.filter(Boolean).length;
    return stays.map((stay, i) => {
      const { steps, until } = tickets[i] as Ticket;
      return stay && this.#inTime(steps + 1, left, until);
    });
  }

  #inTime(step: number, rows: number, until: number): boolean {
    const { stopwatch } = this.options;
    return until === Infinity || performance.now() + (stopwatch?.expected(step, rows) ?? 0) <= until;
  }

  #queue(rows: Rows, tickets: readonly Ticket[], goOn: ReadonlyMap<unknown, readonly number[]>): void {
    const lists = [...goOn.values()];
    const whole = lists.length === 1 && lists[0]?.length === tickets.length;
    const parts = whole
      ? [rows]
      : this.runner.part(
          rows,
          lists.map(list => Int32Array.from(list)),
        );
    [...goOn].forEach(([network, places], i) => {
      const waiting = places.map(place => {
        const ticket = tickets[place] as Ticket;
        return { ...ticket, steps: ticket.steps + 1 };
      });
      pushTo(this.#waiting, network, { tickets: waiting, rows: parts[i] as Rows });
    });
  }
}

function pushTo<Value>(lists: Map<unknown, Value[]>, key: unknown, value: Value): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}

function count<Rows>(parts: readonly Waiting<Rows>[]): number {
  return parts.reduce((sum, { tickets }) => sum + tickets.length, 0);
}

function leastSteps<Rows>(parts: readonly Waiting<Rows>[]): number {
  return Math.min(...parts.flatMap(({ tickets }) => tickets.map(({ steps }) => steps)));
}
