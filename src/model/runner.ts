/** Runs an anytime model on batches: all steps, or only as many as each image needs. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor1D, Tensor4D } from '@tensorflow/tfjs-core';
import { compile } from '../engine/compile.js';
import type { Compiled } from '../engine/compile.js';
import type { TensorTree } from '../engine/tensor-tree.js';
import { disposeTree, leaves, mapTree, tidyTree, withLeaves } from '../engine/tensor-tree.js';
import type { StepAnswer } from './answer.js';
import { remaining } from './answer.js';
import type { AnytimeModel, Step, StepInput, StepOutput } from './anytime.js';

type CompiledStep = Compiled<TensorTree, TensorTree, TensorTree>;

export class Runner {
  private readonly compiled = new Map<Step, CompiledStep>();

  constructor(private readonly model: AnytimeModel) {}

  /**
   * Takes the steps one after the other. An image leaves the batch once its confidence (largest probability) reaches its step's threshold;
   * what follows is computed only for the rest.
   * @param images [n, side, side, channels] in [0, 1]; not copied, so not to be changed while this runs
   * @param thresholds one for each step but the last; Infinity everywhere takes all steps
   * @param first the place of the first image in its set, for locators that draw
   */
  *run(images: Float32Array, thresholds: readonly number[], first = 0): Generator<StepAnswer> {
    const { side, channels, steps } = this.model;
    const n = images.length / (side * side * channels);
    let rows = Int32Array.from({ length: n }, (_, i) => i);
    let input: StepInput = {
      images: tf.tensor4d(images, [n, side, side, channels]),
      state: this.model.initial(n, first),
    };
    try {
      for (const [t, step] of steps.entries()) {
        const taken = this.take(step, input);
        ({ input } = taken);
        const answer = { rows, ...taken.answer };
        const stay = remaining(answer, thresholds[t] ?? Infinity);
        yield answer;
        if (stay.length === 0) return;
        if (stay.length < rows.length) {
          [input] = part(input, [stay]) as [StepInput];
          rows = stay.map(i => answer.rows[i] ?? 0);
        }
      }
    } finally {
      disposeTree({ images: input.images, state: input.state });
    }
  }

  /** Frees what was made of the model's variables, which takes as much memory as they do; to be called where it rests for a while. */
  release(): void {
    for (const step of this.compiled.values()) step.release();
  }

  dispose(): void {
    for (const step of this.compiled.values()) step.dispose();
    this.compiled.clear();
  }

  /** One step with all rows of `input`, whose state is freed; `input` of what is given has the next one. */
  take(
    step: Step,
    input: StepInput,
  ): { readonly answer: Omit<StepAnswer, 'rows'>; readonly input: StepInput } {
    const output = this.compute(step, input);
    disposeTree(input.state);
    return { answer: read(output), input: { images: input.images, state: output.state } };
  }

  private compute(step: Step, input: StepInput): StepOutput {
    let compiled = this.compiled.get(step);
    if (!compiled) {
      compiled = compile(step as unknown as (fixed: TensorTree, batch: TensorTree) => TensorTree, {
        anyBatch: true,
        inference: true,
      });
      this.compiled.set(step, compiled);
    }
    const { parameters, statistics } = this.model.variables();
    const batch = { images: input.images, state: input.state };
    return compiled({ parameters, statistics }, batch) as unknown as StepOutput;
  }
}

function read({ logits, action }: StepOutput): Omit<StepAnswer, 'rows'> {
  const probabilities = tf.softmax(logits);
  const answer = {
    probabilities: probabilities.dataSync<'float32'>(),
    logits: logits.dataSync<'float32'>(),
    actions: action ? action.dataSync<'float32'>() : null,
  };
  tf.dispose([probabilities, logits, ...(action ? [action] : [])]);
  return answer;
}

/** For each list of places the rows there; `input` is freed. */
export function part(input: StepInput, lists: readonly Int32Array[]): StepInput[] {
  const parts = lists.map(places =>
    tidyTree(() => {
      const index: Tensor1D = tf.tensor1d(places, 'int32');
      const gather = (tensor: tf.Tensor): tf.Tensor => tf.gather(tensor, index);
      return { images: gather(input.images) as Tensor4D, state: mapTree(input.state, gather) };
    }),
  );
  disposeTree({ images: input.images, state: input.state });
  return parts;
}

/** The rows of all, in their order; they are freed. */
export function join(inputs: readonly StepInput[]): StepInput {
  const whole = inputs.map(({ images, state }) => ({ images, state }));
  const [first] = whole;
  if (!first) throw new RangeError('there are no rows to join');
  const columns = whole.map(leaves);
  const all = tidyTree(() =>
    withLeaves(
      first,
      leaves(first).map((_, i) => tf.concat(columns.flatMap(column => column[i] ?? []))),
    ),
  );
  disposeTree(whole);
  return all;
}
