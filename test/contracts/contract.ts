/** What every operation must hold to: equal its definition, forward and gradient, eager and compiled, and leave no tensor. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { compile } from '../../src/engine/compile.js';
import type { Tensors } from '../../src/engine/gradients.js';
import { differentiate } from '../../src/engine/gradients.js';
import { disposeTree, leaves, tidyTree } from '../../src/engine/tensor-tree.js';
import { NdArray, normals } from '../helpers/array.js';
import { expectClose } from '../helpers/pytorch.js';

/** One tensor or several. */
type Several<T> = T | readonly T[];

export interface Operation {
  readonly name: string;
  readonly inputs: readonly NdArray[];
  /** What networks and stages call. */
  run(...inputs: Tensor[]): Several<Tensor>;
  /** What it is by definition, in double precision. */
  define(...inputs: NdArray[]): Several<NdArray>;
  /**
   * With respect to the inputs of floating point: by finite differences of the definition; by a formula, given the outputs'
   * weights; or not tested, where there is none or no stage asks for it.
   */
  readonly gradient: 'differences' | 'none' | ((weights: readonly NdArray[]) => readonly NdArray[]);
}

/** Single precision, sums of up to some hundred terms; relative to the largest element. */
const tolerance = 1e-5;

/** Eager and compiled run the same kernels. */
const compiledTolerance = 1e-6;

function several<T extends object>(value: Several<T>): readonly T[] {
  return Array.isArray(value) ? (value as readonly T[]) : [value as T];
}

function inner(outputs: readonly NdArray[], weights: readonly NdArray[]): number {
  return outputs.reduce(
    (total, { values }, k) =>
      values.reduce((sum, value, i) => sum + value * (weights[k]?.values[i] ?? NaN), total),
    0,
  );
}

/**
 * The gradient of the outputs' weighted sum by central differences, with two spans that must agree: where they do not, the function
 * is not smooth and the point not fit for the test.
 */
function finiteDifferences(
  { define }: Pick<Operation, 'define'>,
  inputs: readonly NdArray[],
  weights: readonly NdArray[],
): NdArray[] {
  return inputs.flatMap((input, k) => {
    if (input.dtype === 'int32') return [];
    const slope = (place: number, span: number): number => {
      const moved = (by: number): number => {
        const values = input.values.map((value, i) => (i === place ? value + by : value));
        return inner(several(define(...inputs.with(k, new NdArray(input.shape, values)))), weights);
      };
      return (moved(span) - moved(-span)) / (2 * span);
    };
    const differences = (span: number): Float64Array => input.values.map((_, i) => slope(i, span));
    const [wide, narrow] = [differences(1e-4), differences(3e-5)];
    const scale = Math.max(1e-6, ...narrow.map(Math.abs));
    expect(Math.max(...wide.map((slope, i) => Math.abs(slope - (narrow[i] ?? NaN)))) / scale).toBeLessThan(
      1e-6,
    );
    return [new NdArray(input.shape, narrow)];
  });
}

interface Results {
  readonly outputs: readonly Tensor[];
  /** Of the inputs of floating point, in order. */
  readonly gradients: readonly Tensor[];
}

/** The operation as a step: its outputs, and the gradients of their weighted sum. */
export function stepOf(operation: Operation) {
  return (
    { inputs }: { inputs: readonly Tensor[] },
    { weights }: { weights: readonly Tensor[] },
  ): Results => {
    if (operation.gradient === 'none') return { outputs: several(operation.run(...inputs)), gradients: [] };
    const variables = inputs.flatMap((input, i): [string, Tensor][] =>
      input.dtype === 'float32' ? [[String(i), input]] : [],
    );
    const { gradients, auxiliary } = differentiate(Object.fromEntries(variables), (given: Tensors) => {
      const outputs = several(operation.run(...inputs.map((input, i) => given[i] ?? input)));
      const terms = outputs.map((output, i): tf.Scalar => tf.sum(tf.mul(output, weights[i] as Tensor)));
      return { loss: tf.addN(terms), auxiliary: outputs };
    });
    return { outputs: auxiliary, gradients: variables.map(([name]) => gradients[name] as Tensor) };
  };
}

/** Tensors that its step is tried with. */
export function argumentsOf(operation: Operation): [{ inputs: Tensor[] }, { weights: Tensor[] }] {
  const { inputs } = operation;
  const weights = weightsFor(several(operation.define(...inputs)));
  return [
    { inputs: inputs.map(input => input.tensor()) },
    { weights: weights.map(weight => weight.tensor()) },
  ];
}

function weightsFor(outputs: readonly NdArray[]): NdArray[] {
  return outputs.map(({ shape }, i) => normals(`weights ${i}`, shape));
}

/** Declares the tests of an operation. */
export function holds(operation: Operation): void {
  const defined = several(operation.define(...operation.inputs));
  const weights = weightsFor(defined);
  const run = stepOf(operation);
  const arguments_ = () => argumentsOf(operation);

  it('equals its definition', () => {
    const { outputs } = run(...arguments_());
    expect(outputs.length).toBe(defined.length);
    outputs.forEach((output, i) => expectClose(output, (defined[i] as NdArray).tensor(), tolerance));
  });

  const { gradient } = operation;
  if (gradient !== 'none') {
    it('has the gradient of its definition', () => {
      const expected =
        typeof gradient === 'function'
          ? gradient(weights)
          : finiteDifferences(operation, operation.inputs, weights);
      const { gradients } = run(...arguments_());
      expect(gradients.length).toBe(expected.length);
      gradients.forEach((tensor, i) => expectClose(tensor, (expected[i] as NdArray).tensor(), tolerance));
    });
  }

  it('is the same compiled', () => {
    const compiled = compile(run);
    const eager = leaves(run(...arguments_()));
    const results = leaves(compiled(...arguments_()));
    compiled.dispose();
    expect(results.length).toBe(eager.length);
    results.forEach((tensor, i) => expectClose(tensor, eager[i] as Tensor, compiledTolerance));
  });

  it('leaves no tensor', () => {
    const given = arguments_();
    const compiled = compile(run);
    const before = tf.memory().numTensors;
    disposeTree(compiled(...given));
    disposeTree(compiled(...given));
    disposeTree(tidyTree(() => run(...given)));
    expect(tf.memory().numTensors).toBe(before);
    compiled.dispose();
  });
}
