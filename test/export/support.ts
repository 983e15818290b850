/** Exports models to a folder and takes their steps there and here. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Parts } from '../../src/checkpoint/parts.js';
import { writeParts } from '../../src/checkpoint/parts.js';
import { exportGraphs } from '../../src/export/graphs.js';
import type { AnytimeModel } from '../../src/model/anytime.js';
import type { StepAnswer } from '../../src/model/answer.js';
import type { StepInput } from '../../src/model/anytime.js';
import { engineRunner } from '../../src/predict/engine.js';
import { loadRunner } from '../../src/predict/onnx-node.js';
import type { OnnxRunner } from '../../src/predict/onnx-runner.js';
import type { StepRunner } from '../../src/predict/step-runner.js';
import { takeSteps } from '../../src/predict/step-runner.js';

export interface Both {
  readonly engine: StepRunner<StepInput>;
  readonly exported: OnnxRunner;
  readonly files: ReadonlyMap<string, Parts>;
  dispose(): Promise<void>;
}

export async function exported(model: AnytimeModel, folder: string): Promise<Both> {
  const { files, steps } = exportGraphs(model);
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of files) writeParts(join(folder, name), content);
  const runner = await loadRunner(folder, {
    steps: steps.map(graph => ({ graph, multiAdds: 1 })),
    image: { side: model.side, channels: model.channels === 1 ? 1 : 3 },
  });
  const engine = engineRunner(model);
  return {
    engine,
    exported: runner,
    files,
    async dispose() {
      await engine.dispose();
      await runner.dispose();
    },
  };
}

export async function answersOf<Rows>(
  runner: StepRunner<Rows>,
  images: Uint8Array,
  thresholds: readonly number[],
): Promise<StepAnswer[]> {
  const answers: StepAnswer[] = [];
  for await (const answer of takeSteps(runner, images, thresholds)) answers.push(answer);
  return answers;
}

/** The largest difference over the largest of `expected`. */
export function relativeDifference(given: Float32Array, expected: Float32Array): number {
  if (given.length !== expected.length) return Infinity;
  const scale = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const difference = expected.reduce(
    (most, value, i) => Math.max(most, Math.abs(value - (given[i] ?? NaN))),
    0,
  );
  return difference / scale;
}
