import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { record } from '../../src/engine/compile.js';
import { encodeGraph } from '../../src/engine/graph.js';
import { peakOf } from '../../src/engine/peak.js';
import { rematerialise } from '../../src/engine/rematerialise.js';
import { backend, canCompile, startEngine } from '../../src/engine/start.js';
import { disposeTree } from '../../src/engine/tensor-tree.js';
import { compileProgram } from '../checkpoint/support.js';
import { depth, given, step } from './programs/sines.js';

startEngine();

/** d/dw of the chain, with doubles. */
function expected(w: number): number {
  let [y, slope] = [0.7 * w, 0.7];
  for (let i = 0; i < depth; i++) [y, slope] = [Math.sin(1.5 * y), slope * 1.5 * Math.cos(1.5 * y)];
  return slope;
}

interface Starved {
  /** Bytes of a result. */
  readonly size: number;
  readonly told: readonly (readonly [number, number])[];
  readonly same: boolean;
}

describe.runIf(canCompile())('results computed again', () => {
  it('take less memory the more segments there are, up to the root of the depth, and are the same', () => {
    const n = 1000;
    const { weights, batch } = given(n);
    const { graph } = record(step, weights, batch, false);
    const engine = backend();
    const peaks = [1, 2, 4].map(count => {
      const again = rematerialise(graph, count);
      const name = `rematerialised_${count}`;
      engine.binding.addFunction?.(name, encodeGraph(engine.binding, again), again.inputs, again.outputs);
      const [loss, gradient] = engine.executeMultipleOutputs(name, [], [weights.w, batch.x], 2);
      gradient?.dataSync().forEach((value, i) => {
        expect(Math.abs(value - expected(-2 + (4 * i) / (n - 1)))).toBeLessThan(2e-2);
      });
      const bits = [loss, gradient].map(tensor => [...(tensor?.dataSync() ?? [])]);
      tf.dispose([loss ?? [], gradient ?? []]);
      return { peak: peakOf(again), bits };
    });
    disposeTree({ weights, batch });
    const [whole, two, four] = peaks;
    expect(two?.bits).toEqual(whole?.bits);
    expect(four?.bits).toEqual(whole?.bits);
    expect(whole?.peak).toBeGreaterThan(depth * 4 * n);
    expect(two?.peak).toBeLessThan(0.9 * (whole?.peak ?? NaN));
    expect(four?.peak).toBeLessThan(0.75 * (whole?.peak ?? NaN));
  });

  // In a process of its own, which may also end where it finds no memory for something small.
  const starved = { retry: 3, skip: !existsSync('/usr/bin/prlimit') };
  it('take the place of a step that ran out of memory', starved, () => {
    const program = compileProgram('test/engine/programs/starved', ['src']);
    const { size, told, same } = JSON.parse(
      execFileSync(process.execPath, [program], { encoding: 'utf8' }),
    ) as Starved;
    const [[all, less] = [NaN, NaN]] = told;
    expect(told).toHaveLength(1);
    expect(all).toBeGreaterThan(depth * size);
    expect(less).toBeLessThan(0.8 * all);
    expect(same).toBe(true);
  });
});
