/** Takes an exported model's steps on ONNX Runtime, in Node or in a page. */
import type { InferenceSession } from 'onnxruntime-common';
import { Tensor } from 'onnxruntime-common';
import type { BundleManifest } from '../bundle/manifest.js';
import type { StepAnswer } from '../model/answer.js';
import type { ImageStore, StepRunner, Taken } from './step-runner.js';

type Tensors = Readonly<Record<string, Tensor>>;

/** What is needed of a session. */
export type Session = Pick<InferenceSession, 'inputMetadata' | 'release'> & {
  run(feeds: Tensors): Promise<InferenceSession.OnnxValueMapType>;
};

/** Images are never copied: graphs but the first take them from the whole store. */
interface Rows extends ImageStore {
  readonly state: Tensors;
}

export class OnnxRunner implements StepRunner<Rows> {
  readonly imageSize: number;
  private readonly image: readonly number[];

  /** @param sessions one for each step; steps that compute the same share one */
  constructor(
    private readonly sessions: readonly Session[],
    { side, channels }: BundleManifest['image'],
  ) {
    this.image = [side, side, channels];
    this.imageSize = side * side * channels;
  }

  get networks(): readonly unknown[] {
    return this.sessions;
  }

  begin(images: ImageStore): Rows {
    return { ...images, state: {} };
  }

  async take(step: number, { pixels, places, state }: Rows): Promise<Taken<Rows>> {
    const session = this.sessions[step];
    if (!session) throw new RangeError(`there is no step ${step + 1}`);
    const size = this.imageSize;
    const first = places[0] ?? 0;
    const own = step === 0 ? pixels.subarray(first * size, (first + places.length) * size) : pixels;
    const images = new Tensor('uint8', own, [own.length / size, ...this.image]);
    const rows = step === 0 ? places.map(place => place - first) : places;
    const given = await session.run(feedsOf(session, { images, ...state }, rows));
    return { answer: read(given), rows: { pixels, places, state: next(given) } };
  }

  part({ pixels, places, state }: Rows, lists: readonly Int32Array[]): Rows[] {
    return lists.map(list => ({
      pixels,
      places: list.map(i => places[i] ?? 0),
      state: mapTensors(state, tensor => chosen(tensor, list)),
    }));
  }

  join(parts: readonly Rows[]): Rows {
    const [first] = parts;
    if (!first) throw new RangeError('there are no rows to join');
    return {
      pixels: first.pixels,
      places: Int32Array.from(parts.flatMap(({ places }) => [...places])),
      state: mapTensors(first.state, (_, name) =>
        joined(parts.flatMap(({ state }) => (state[name] ? [state[name]] : []))),
      ),
    };
  }

  free(): void {
    return;
  }

  async dispose(): Promise<void> {
    for (const session of new Set(this.sessions)) await session.release();
  }
}

/** What a graph takes; before the first step there is no state: zeros. */
function feedsOf({ inputMetadata }: Session, given: Tensors, rows: Int32Array): Tensors {
  const inputs = inputMetadata.flatMap(input => {
    if (!input.isTensor) return [];
    if (input.name === 'rows')
      return [[input.name, new Tensor('int64', BigInt64Array.from(rows, BigInt), [rows.length])] as const];
    const tensor = given[input.name];
    if (tensor) return [[input.name, tensor] as const];
    const shape = [rows.length, ...input.shape.slice(1).map(Number)];
    const zeros = new Float32Array(shape.reduce((product, size) => product * size, 1));
    return [[input.name, new Tensor('float32', zeros, shape)] as const];
  });
  return Object.fromEntries(inputs);
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

/** What the next step takes as its state. */
function next(given: InferenceSession.OnnxValueMapType): Tensors {
  return Object.fromEntries(
    Object.entries(given).flatMap(([name, value]) =>
      name.startsWith('next.') ? [[name.replace('next.', 'state.'), value]] : [],
    ),
  );
}

function mapTensors(tensors: Tensors, replace: (tensor: Tensor, name: string) => Tensor): Tensors {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, replace(tensor, name)]));
}

/** The rows at `places`. */
function chosen(tensor: Tensor, places: Int32Array): Tensor {
  const size = tensor.size / (tensor.dims[0] ?? 1);
  const from = tensor.data as Float32Array;
  const to = new Float32Array(size * places.length);
  places.forEach((place, i) => to.set(from.subarray(place * size, (place + 1) * size), i * size));
  return new Tensor('float32', to, [places.length, ...tensor.dims.slice(1)]);
}

function joined(tensors: readonly Tensor[]): Tensor {
  const to = new Float32Array(tensors.reduce((sum, { size }) => sum + size, 0));
  let at = 0;
  for (const { data } of tensors) {
    to.set(data as Float32Array, at);
    at += data.length;
  }
  const rows = tensors.reduce((sum, { dims }) => sum + (dims[0] ?? 0), 0);
  return new Tensor('float32', to, [rows, ...(tensors[0]?.dims.slice(1) ?? [])]);
}
