/** The steps of an anytime model as ONNX graphs. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { weightsFile } from '../bundle/manifest.js';
import type { Parts } from '../checkpoint/parts.js';
import { programVersion } from '../checkpoint/program.js';
import { record } from '../engine/compile.js';
import type { TensorTree } from '../engine/tensor-tree.js';
import { disposeTree, leaves, mapTree, namedLeaves, tidyTree } from '../engine/tensor-tree.js';
import { ExportError } from '../errors/index.js';
import type { AnytimeModel, Step, StepInput } from '../model/anytime.js';
import { encodeModel } from '../onnx/encode.js';
import type { Constant, OnnxModel } from '../onnx/model.js';
import { singleGraph } from '../onnx/single.js';
import type { Named } from '../onnx/translate.js';
import { translate } from '../onnx/translate.js';
import { WeightsFile } from './weights.js';

/** The graphs before they are written. */
export interface Recorded {
  /** By their names, without an ending. */
  readonly models: ReadonlyMap<string, OnnxModel>;
  /** For each step the name of its graph; steps that compute the same share one. */
  readonly steps: readonly string[];
}

export interface Graphs {
  /** By file name, the weights' file among them. */
  readonly files: ReadonlyMap<string, Parts>;
  /** For each step the file of its graph; steps that compute the same share one. */
  readonly steps: readonly string[];
}

/** Bytes that a message of protocol buffers can have. */
const largestFile = 2 ** 31 - 1;

/** Images that steps are recorded on; with one more the second time. */
const rows = 2;

/**
 * A graph takes `images` [n, side, side, channels], a byte each, and as `state.*` what the graph before gave as `next.*`; the first takes
 * zeros. Those after it take all images and, as `rows` [n], the places of those that are still there, so that no image is copied when
 * others leave. It gives `logits` and `probabilities` [n, classes], and as `action` [n, 2] where it looked.
 * @throws ExportError where a step cannot be written
 */
export function recordGraphs(model: AnytimeModel): Recorded {
  const models = new Map<string, OnnxModel>();
  const names = graphNames(model.steps);
  const { side, channels } = model;
  const images = tf.zeros<tf.Rank.R4>([rows, side, side, channels]);
  let state = model.initial(rows, 0);
  model.steps.forEach((step, t) => {
    const name = names[t] ?? '';
    if (!models.has(name))
      models.set(name, withProbabilities(exportStep(name, model, step, { images, state })));
    const after = tidyTree(() =>
      mapTree(step(model.variables(), { images, state }).state, tensor => tensor.clone()),
    );
    disposeTree(state);
    state = after;
  });
  disposeTree([images, state]);
  return { models, steps: names };
}

export function encodeGraphs({ models, steps }: Recorded): Graphs {
  const weights = new WeightsFile(weightsFile);
  const files = new Map<string, Parts>();
  for (const [name, model] of models)
    files.set(`${name}.onnx`, [encodeModel(model, programVersion, constant => weights.add(constant))]);
  files.set(weights.file, weights.content());
  return { files, steps: steps.map(name => `${name}.onnx`) };
}

/**
 * All steps as one graph for one image, weights within: see `singleGraph`.
 * @param patch side of the crops, in pixels
 * @throws ExportError where they are too large for that
 */
export function singleFile(
  { models, steps }: Recorded,
  image: { readonly side: number; readonly channels: number },
  patch: number,
): Uint8Array {
  // More than that could not even be put together.
  refuseLarger(weightBytes([...models.values()]));
  const graphs = steps.flatMap(name => models.get(name) ?? []);
  const file = encodeModel(singleGraph({ steps: graphs, image, patch }), programVersion, () => undefined);
  refuseLarger(file.length);
  return file;
}

function weightBytes(models: readonly OnnxModel[]): number {
  const inputs = new Set(models.flatMap(({ nodes }) => nodes.flatMap(node => node.inputs)));
  return [...inputs].reduce(
    (sum, input) => sum + (typeof input === 'string' ? 0 : input.values.byteLength),
    0,
  );
}

function refuseLarger(bytes: number): void {
  if (bytes <= largestFile) return;
  throw new ExportError({
    problem: 'the model is too large for one file of ONNX',
    given: `${bytes} bytes`,
    allowed: `${largestFile}, the most that protocol buffers hold`,
    mend: 'leave --single out',
  });
}

/** `recordGraphs`, written. @throws ExportError where a step cannot be written */
export function exportGraphs(model: AnytimeModel): Graphs {
  return encodeGraphs(recordGraphs(model));
}

/** `glance`, then `focus`, or `focus2`, `focus3`, ... where each look is computed in its own way. */
function graphNames(steps: readonly Step[]): string[] {
  const looks = new Set(steps.slice(1)).size;
  return steps.map((_, t) => (t === 0 ? 'glance' : looks === 1 ? 'focus' : `focus${t + 1}`));
}

function exportStep(name: string, model: AnytimeModel, step: Step, input: StepInput): OnnxModel {
  const { parameters, statistics } = model.variables();
  const fixed = { parameters, statistics };
  const batch: TensorTree = { images: input.images, state: input.state };
  const recording = record(step as never, fixed, batch, true);
  return translate(name, recording, {
    inputs: [
      ...leaves(fixed).map(constantOf),
      ...namedLeaves(batch).map(([path, tensor]) => ({
        ...port(path, tensor),
        ...(path === 'images' && { bytes: true as const }),
        ...(path === 'images' && step !== model.steps[0] && { rows: 'rows' }),
      })),
    ],
    outputs: namedLeaves(recording.output).map(([path, tensor]) =>
      port(path.replace(/^state\./, 'next.'), tensor),
    ),
  });
}

function constantOf(tensor: Tensor): Constant {
  return { shape: tensor.shape, values: tensor.dataSync<'float32'>() };
}

/** Maps travel from step to step as convolutions take them. */
function port(name: string, { rank }: Tensor): Named {
  return { name, layout: rank === 4 && name !== 'images' ? 'planes' : 'rows' };
}

function withProbabilities(model: OnnxModel): OnnxModel {
  const [logits] = model.outputs.filter(({ name }) => name === 'logits');
  const softmax = {
    op: 'Softmax',
    inputs: ['logits'],
    outputs: ['probabilities'],
    attributes: { axis: { int: 1 } },
  };
  return {
    ...model,
    nodes: [...model.nodes, softmax],
    outputs: [...model.outputs, { name: 'probabilities', shape: logits?.shape ?? [] }],
  };
}
