/** What is compared before a bundle is written, and what is refused. */
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { InferenceSession } from 'onnxruntime-node';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadLatest, saveCheckpoint } from '../../src/checkpoint/checkpoint.js';
import { writeParts } from '../../src/checkpoint/parts.js';
import { exportModel } from '../../src/cli/export.js';
import { startEngine } from '../../src/engine/start.js';
import { disposeTree } from '../../src/engine/tensor-tree.js';
import { ExportError } from '../../src/errors/index.js';
import type { BundleOptions } from '../../src/export/bundle.js';
import { makeBundle } from '../../src/export/bundle.js';
import type { Recorded } from '../../src/export/graphs.js';
import { encodeGraphs, recordGraphs, singleFile } from '../../src/export/graphs.js';
import type { Batch } from '../../src/export/int8.js';
import type { OnnxNode } from '../../src/onnx/model.js';
import type { LoadedModel } from '../../src/predict/load.js';
import { loadModel } from '../../src/predict/load.js';
import { verifySingle } from '../../src/export/verify.js';
import { loadRunner } from '../../src/predict/onnx-node.js';
import { temporaryFolder } from '../checkpoint/support.js';
import { noiseBytes } from '../helpers/network.js';

const folder = temporaryFolder();
const scratch = join(folder, 'scratch');
const packaged = join(import.meta.dirname, '../../checkpoints/cluttered-60');
const pixels = noiseBytes(4 * 60 * 60);
let loaded: LoadedModel;

beforeAll(() => {
  startEngine();
  loaded = loadModel(packaged);
  mkdirSync(scratch);
});
beforeEach(() => vi.stubEnv('TMPDIR', scratch));
afterAll(() => disposeTree(loaded.variables));

function make(model: LoadedModel, options: BundleOptions): ReturnType<typeof makeBundle> {
  return makeBundle('digits', model, undefined, { names: ['noise'], pixels }, options);
}

/** ONNX Runtime has files of its own there. */
function leftovers(): string[] {
  return readdirSync(scratch).filter(name => name.startsWith('gfnet'));
}

async function refusal(work: Promise<unknown>): Promise<ExportError> {
  const error: unknown = await work.catch((error: unknown) => error);
  expect(leftovers()).toEqual([]);
  return error instanceof ExportError ? error : expect.fail(String(error));
}

// eslint-disable-next-line @typescript-eslint/require-await -- as images come from files
async function* images(): AsyncGenerator<Batch> {
  yield { pixels, labels: undefined };
}

describe('all steps as one graph', () => {
  it.each(['float32', 'int8'])('is one of the files once it was run, in %s', async type => {
    const int8 = { calibration: images, calibrated: 4, judging: images, always: true };
    const { files } = await make(loaded, { single: true, ...(type === 'int8' && { int8 }) });
    expect([...files.keys()]).toEqual(['glance.onnx', 'focus.onnx', 'weights.bin', 'single.onnx']);
    expect(leftovers()).toEqual([]);
  });

  it('is refused where it cannot say where it looked', async () => {
    const { message } = await refusal(make({ ...loaded, patch: NaN }, { single: true }));
    expect(message).toMatch(/one graph do not give what they give one by one: nothing was written/);
  });

  it('is refused where weights are more than one file of ONNX holds', () => {
    const recorded = recordGraphs(loaded.model);
    const weights = { shape: [2 ** 31], values: new Uint8Array(2 ** 31) };
    const node = { op: 'Identity', inputs: [weights], outputs: ['unused'], attributes: {} };
    const models = new Map(
      [...recorded.models].map(([name, model]) => [name, { ...model, nodes: [...model.nodes, node] }]),
    );
    expect(() => singleFile({ ...recorded, models }, loaded.model, 28)).toThrow(/too large[^]*--single/);
  });

  it('is refused where it answers otherwise, or says that it looked elsewhere', async () => {
    const { model, patch = NaN } = loaded;
    const image = { side: 60, channels: 1 } as const;
    const recorded = recordGraphs(model);
    const withLooks = (change: (node: OnnxNode) => OnnxNode): Recorded => ({
      ...recorded,
      models: new Map(
        [...recorded.models].map(([name, graph]) => [
          name,
          name === 'focus' ? { ...graph, nodes: graph.nodes.map(change) } : graph,
        ]),
      ),
    });
    const { files, steps } = encodeGraphs(recorded);
    const own = join(folder, 'steps');
    mkdirSync(own);
    for (const [name, content] of files) writeParts(join(own, name), content);
    const runner = await loadRunner(own, { steps: steps.map(graph => ({ graph, multiAdds: 1 })), image });
    const verified = async (file: Uint8Array): Promise<void> => {
      const session = await InferenceSession.create(file);
      await verifySingle(runner, session, image, pixels, 60 - patch).finally(() => session.release());
    };
    const unsoftened = withLooks(node =>
      node.outputs[0] === 'probabilities' ? { ...node, op: 'Identity', attributes: {} } : node,
    );
    await verified(singleFile(recorded, model, patch));
    await expect(verified(singleFile(recorded, model, patch - 8))).rejects.toBeInstanceOf(ExportError);
    await expect(verified(singleFile(unsoftened, model, patch))).rejects.toBeInstanceOf(ExportError);
    await runner.dispose();
  });
});

it('a model that changed since its graphs were recorded is refused', async () => {
  const { model, variables } = loaded;
  const { parameters, statistics } = variables;
  const changed = {
    parameters: Object.fromEntries(Object.entries(parameters).map(([name, x]) => [name, tf.mul(x, 1.01)])),
    statistics,
  };
  let calls = 0;
  const training = { ...model, variables: () => (calls++ === 0 ? changed : variables) };
  const { message } = await refusal(make({ ...loaded, model: training }, {}));
  expect(message).toMatch(/training engine gives: nothing was written/);
  disposeTree(changed.parameters);
});

it('gfnet export writes nothing of a model whose weights are no numbers', async () => {
  const broken = join(folder, 'broken');
  mkdirSync(broken);
  const { manifest, tensors } = loadLatest(packaged);
  saveCheckpoint(broken, 'model', {
    ...manifest,
    tensors: new Map(
      [...tensors].map(([name, tensor]) => {
        tensor.values.fill(NaN);
        return [name, tensor];
      }),
    ),
  });
  const images = [join(packaged, 'example.png')];
  const { message } = await refusal(exportModel(broken, join(folder, 'none'), { images }));
  expect(message).toMatch(/nothing was written/);
  expect(existsSync(join(folder, 'none'))).toBe(false);
});
