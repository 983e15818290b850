/** Takes an exported model's steps on ONNX Runtime, in Node or in a page. */
import type { InferenceSession } from 'onnxruntime-common';
import { Tensor } from 'onnxruntime-common';
import type { BundleManifest } from '../bundle/manifest.js';
import type { StepAnswer } from '../model/answer.js';
import { concatenated, upTo } from './places.js';
import type { ImageStore, StepRunner, Taken } from './step-runner.js';
import type { Values } from './waiting-state.js';
import { WaitingState } from './waiting-state.js';

type Tensors = Readonly<Record<string, Tensor>>;

/** What is needed of a session. */
export type Session = Pick<InferenceSession, 'inputMetadata' | 'outputMetadata' | 'release'> & {
  run(feeds: Tensors): Promise<InferenceSession.OnnxValueMapType>;
};

/** What a graph takes, with what it has for each image, and what it gives that the next step takes. */
interface Ports {
  readonly inputs: readonly { readonly name: string; readonly shape: readonly number[] }[];
  readonly handedOn: readonly { readonly from: string; readonly to: string }[];
}

/** Images are never copied: graphs but the first take them from the whole store. */
interface Rows extends ImageStore {
  /** What the last step gave for all of these and no others: it can be handed on as it is. Where it is absent, it was kept. */
  readonly given?: Values;
}

export class OnnxRunner implements StepRunner<Rows> {
  readonly imageSize: number;
  private readonly image: readonly number[];
  private readonly ports: ReadonlyMap<Session, Ports>;
  /** For each store of images. */
  private readonly waiting = new WeakMap<Uint8Array, WaitingState>();

  /** @param sessions one for each step; steps that compute the same share one */
  constructor(
    private readonly sessions: readonly Session[],
    { side, channels }: BundleManifest['image'],
  ) {
    this.image = [side, side, channels];
    this.ports = new Map(sessions.map(session => [session, portsOf(session)]));
    this.imageSize = side * side * channels;
  }

  get networks(): readonly unknown[] {
    return this.sessions;
  }

  /** Of each graph: what an input or output has for each image, as the graph says. */
  shapes(name: string): (number | string)[][] {
    return this.sessions.flatMap(({ inputMetadata, outputMetadata }) =>
      [...inputMetadata, ...outputMetadata].flatMap(value =>
        value.isTensor && value.name === name ? [value.shape.slice(1)] : [],
      ),
    );
  }

  begin(images: ImageStore): Rows {
    return { ...images, given: new Map() };
  }

  async take(step: number, rows: Rows): Promise<Taken<Rows>> {
    const session = this.sessions[step];
    if (!session) throw new RangeError(`there is no step ${step + 1}`);
    const { pixels, places } = rows;
    const size = this.imageSize;
    const first = step === 0 ? (places[0] ?? 0) : 0;
    const end = step === 0 ? first + places.length : pixels.length / size;
    const images = new Tensor('uint8', pixels.subarray(first * size, end * size), [
      end - first,
      ...this.image,
    ]);
    const { inputs, handedOn } = this.ports.get(session) as Ports;
    const given = await session.run(this.feedsOf(inputs, images, rows));
    const state = new Map(handedOn.map(({ from, to }) => [to, given[from]?.data as Float32Array]));
    return { answer: read(given), rows: { pixels, places, given: state } };
  }

  part(rows: Rows, lists: readonly Int32Array[]): Rows[] {
    const { pixels, places } = rows;
    for (const list of lists) this.keep(rows, list);
    return lists.map(list => ({ pixels, places: list.map(i => places[i] ?? 0) }));
  }

  join(parts: readonly Rows[]): Rows {
    const [first] = parts;
    if (!first) throw new RangeError('there are no rows to join');
    for (const part of parts) this.keep(part, upTo(part.places.length));
    return {
      pixels: first.pixels,
      places: concatenated(parts.map(({ places }) => places)),
    };
  }

  free(): void {
    return;
  }

  async dispose(): Promise<void> {
    for (const session of new Set(this.sessions)) await session.release();
  }

  /** Sees to it that what these images have is not lost when the batch that they are of is. */
  private keep({ pixels, places, given }: Rows, chosen: Int32Array): void {
    if (given) this.waitingWith(pixels).keep(given, places, chosen);
  }

  private waitingWith(pixels: Uint8Array): WaitingState {
    let waiting = this.waiting.get(pixels);
    if (!waiting) this.waiting.set(pixels, (waiting = new WaitingState(pixels.length / this.imageSize)));
    return waiting;
  }

  /** What a graph takes; before the first step there is no state: zeros. */
  private feedsOf(inputs: Ports['inputs'], images: Tensor, { pixels, places, given }: Rows): Tensors {
    const count = places.length;
    const left = (name: string): Float32Array | undefined =>
      given ? given.get(name) : this.waitingWith(pixels).of(name, places);
    const feeds: Record<string, Tensor> = {};
    for (const { name, shape } of inputs)
      if (name === 'images') feeds[name] = images;
      else if (name === 'rows') feeds[name] = new Tensor('int64', wide(places), [count]);
      else {
        const length = shape.reduce((product, size) => product * size, count);
        feeds[name] = new Tensor('float32', left(name) ?? new Float32Array(length), [count, ...shape]);
      }
    return feeds;
  }
}

function portsOf({ inputMetadata, outputMetadata }: Session): Ports {
  return {
    inputs: inputMetadata.flatMap(input =>
      input.isTensor ? [{ name: input.name, shape: input.shape.slice(1).map(Number) }] : [],
    ),
    handedOn: outputMetadata.flatMap(({ name }) =>
      name.startsWith('next.') ? [{ from: name, to: name.replace('next.', 'state.') }] : [],
    ),
  };
}

function wide(places: Int32Array): BigInt64Array {
  const values = new BigInt64Array(places.length);
  for (let i = 0; i < places.length; i++) values[i] = BigInt(places[i] ?? 0);
  return values;
}

function read(given: InferenceSession.OnnxValueMapType): Omit<StepAnswer, 'rows'> {
  const values = (name: string): Float32Array | null => {
    const output = given[name];
    return output ? (output.data as Float32Array) : null;
  };
  const none = new Float32Array(0);
  return {
    probabilities: values('probabilities') ?? none,
    logits: values('logits') ?? none,
    actions: values('action'),
  };
}
