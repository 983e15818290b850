import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import type { Scalar, Tensor1D } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { compile, record } from '../../src/engine/compile.js';
import { differentiate } from '../../src/engine/gradients.js';
import { encodeGraph } from '../../src/engine/graph.js';
import { bytesOf, peakOf } from '../../src/engine/peak.js';
import { rematerialise } from '../../src/engine/rematerialise.js';
import { backend, canCompile, startEngine } from '../../src/engine/start.js';
import { disposeTree } from '../../src/engine/tensor-tree.js';

startEngine();

interface Weights {
  readonly w: Tensor1D;
}
interface Batch {
  readonly x: Tensor1D;
}

/** A chain of sines, each of which its own argument's cosine is needed for: all arguments wait for the backward pass. */
const depth = 8;
const step = ({ w }: Weights, { x }: Batch) => {
  const { loss, gradients } = differentiate({ w }, parameters => {
    let y = tf.mul(parameters.w as Tensor1D, x);
    for (let i = 0; i < depth; i++) y = tf.sin(tf.mul(y, 1.5));
    return { loss: tf.sum<Scalar>(y), auxiliary: {} };
  });
  return { loss, gradients };
};
const given = (n: number) => ({
  weights: { w: tf.linspace(-2, 2, n) },
  batch: { x: tf.fill<tf.Rank.R1>([n], 0.7) },
});
/** d/dw of the chain, with doubles. */
function expected(w: number): number {
  let [y, slope] = [0.7 * w, 0.7];
  for (let i = 0; i < depth; i++) [y, slope] = [Math.sin(1.5 * y), slope * 1.5 * Math.cos(1.5 * y)];
  return slope;
}

/** Runs `call`; TensorFlow's first execution of a function in it finds no more memory than the process has, and `bytes`. */
function starvedOnce<T>(bytes: number, call: () => T): T {
  const engine = backend();
  const limit = (most: string): void =>
    void execFileSync('prlimit', [`--pid=${process.pid}`, `--as=${most}:unlimited`]);
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its own `this` below
  const { executeMultipleOutputs: execute } = engine;
  engine.executeMultipleOutputs = (name, ...rest) => {
    if (!name.startsWith('gfnet_step')) return execute.call(engine, name, ...rest);
    engine.executeMultipleOutputs = execute;
    const virtual = /VmSize:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'));
    limit(String(1024 * Number(virtual?.[1]) + bytes));
    try {
      return execute.call(engine, name, ...rest);
    } finally {
      limit('unlimited');
    }
  };
  try {
    return call();
  } finally {
    engine.executeMultipleOutputs = execute;
  }
}

describe.runIf(canCompile())('results computed again', () => {
  it('take less memory the more segments there are, up to the root of the depth, and are the same', () => {
    const n = 1000;
    const { weights, batch } = given(n);
    const { graph } = record(step, weights, batch, false);
    const engine = backend();
    const peaks = [1, 2, 4].map(count => {
      const again = rematerialise(graph, count, output => bytesOf(graph, output));
      const name = `rematerialised_${count}`;
      engine.binding.addFunction?.(name, encodeGraph(engine.binding, again), again.inputs, again.outputs);
      const [loss, gradient] = engine.executeMultipleOutputs(name, [], [weights.w, batch.x], 2);
      gradient?.dataSync().forEach((value, i) => {
        expect(Math.abs(value - expected(-2 + (4 * i) / (n - 1)))).toBeLessThan(2e-2);
      });
      const bits = [loss, gradient].map(tensor => [...(tensor?.dataSync() ?? [])]);
      tf.dispose([loss ?? [], gradient ?? []]);
      return { peak: peakOf(again, output => bytesOf(again, output)), bits };
    });
    disposeTree({ weights, batch });
    const [whole, two, four] = peaks;
    expect(two?.bits).toEqual(whole?.bits);
    expect(four?.bits).toEqual(whole?.bits);
    expect(whole?.peak).toBeGreaterThan(depth * 4 * n);
    expect(two?.peak).toBeLessThan(0.9 * (whole?.peak ?? NaN));
    expect(four?.peak).toBeLessThan(0.75 * (whole?.peak ?? NaN));
  });

  it.skipIf(!existsSync('/usr/bin/prlimit'))('take the place of a step that ran out of memory', () => {
    // Results of 64 MiB: a small allocation finds room where one of them does not.
    const size = 2 ** 26;
    const { weights, batch } = given(size / 4);
    const told: [number, number][] = [];
    const memory = {
      free: () => Infinity,
      onRecompute: (all: number, less: number) => void told.push([all, less]),
    };
    const compiled = compile(step, { memory });
    const results = starvedOnce(3.5 * size, () => compiled(weights, batch));
    const [[all, less] = [NaN, NaN]] = told;
    expect(told).toHaveLength(1);
    expect(all).toBeGreaterThan(depth * size);
    expect(less).toBeLessThan(0.8 * all);
    const plain = compile(step);
    const { loss, gradients } = plain(weights, batch);
    expect(results.loss.dataSync()).toEqual(loss.dataSync());
    expect(
      tf.max(tf.abs(tf.sub(gradients.w as Tensor1D, results.gradients.w as Tensor1D))).dataSync()[0],
    ).toBe(0);
    disposeTree([weights, batch, results, loss, gradients]);
    compiled.dispose();
    plain.dispose();
  });
});
