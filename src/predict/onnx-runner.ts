/** Takes an exported model's steps on ONNX Runtime, in Node or in a page. */
import type { InferenceSession } from 'onnxruntime-common';
import { Tensor } from 'onnxruntime-common';
import type { BundleManifest } from '../bundle/manifest.js';
import type { StepAnswer } from '../model/answer.js';
import { remaining } from '../model/answer.js';
import type { StepRunner } from './predictor.js';

type Tensors = Readonly<Record<string, Tensor>>;

export class OnnxRunner implements StepRunner {
  private readonly image: readonly number[];

  /** @param sessions one for each step; steps that compute the same share one */
  constructor(
    private readonly sessions: readonly InferenceSession[],
    { side, channels }: BundleManifest['image'],
  ) {
    this.image = [side, side, channels];
  }

  async *run(images: Float32Array, thresholds: readonly number[]): AsyncGenerator<StepAnswer> {
    const n = images.length / this.image.reduce((product, size) => product * size, 1);
    let rows = Int32Array.from({ length: n }, (_, i) => i);
    const all = new Tensor('float32', images, [n, ...this.image]);
    let state: Tensors = {};
    for (const [t, session] of this.sessions.entries()) {
      const given = await session.run(feedsOf(session, { images: all, ...state }, rows));
      const answer = read(rows, given);
      yield answer;
      const stay = remaining(answer, thresholds[t] ?? Infinity);
      if (stay.length === 0 || t === this.sessions.length - 1) return;
      state = next(given);
      if (stay.length < rows.length) {
        state = Object.fromEntries(Object.entries(state).map(([name, tensor]) => [name, kept(tensor, stay)]));
        rows = stay.map(i => answer.rows[i] ?? 0);
      }
    }
  }

  async dispose(): Promise<void> {
    for (const session of new Set(this.sessions)) await session.release();
  }
}

/** What a graph takes; before the first step there is no state: zeros. */
function feedsOf({ inputMetadata }: InferenceSession, given: Tensors, rows: Int32Array): Tensors {
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

function read(rows: Int32Array, given: InferenceSession.OnnxValueMapType): StepAnswer {
  const values = (name: string): Float32Array | null => {
    const output = given[name];
    return output ? (output.data as Float32Array) : null;
  };
  const none = new Float32Array(0);
  return {
    rows,
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

/** The rows at `places`. */
function kept(tensor: Tensor, places: Int32Array): Tensor {
  const size = tensor.size / (tensor.dims[0] ?? 1);
  const from = tensor.data as Float32Array;
  const to = new Float32Array(size * places.length);
  places.forEach((place, i) => to.set(from.subarray(place * size, (place + 1) * size), i * size));
  return new Tensor('float32', to, [places.length, ...tensor.dims.slice(1)]);
}
