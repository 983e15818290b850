import { join } from 'node:path';
import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { InferenceSession } from 'onnxruntime-node';
import { beforeAll, describe, expect, it } from 'vitest';
import { bytesIn, type Parts } from '../../src/checkpoint/parts.js';
import { networks } from '../../src/encoders/registry.js';
import { fields } from '../../src/engine/protobuf.js';
import type { Tensors } from '../../src/engine/gradients.js';
import { startEngine } from '../../src/engine/start.js';
import { exportGraphs } from '../../src/export/graphs.js';
import { disposeTree, leaves } from '../../src/engine/tensor-tree.js';
import { StaticConfig } from '../../src/model/config.js';
import { anytimeGFNet } from '../../src/model/locators.js';
import { StaticNetwork } from '../../src/model/static.js';
import { temporaryFolder } from '../checkpoint/support.js';
import { classifiers, lively, noise, noiseBytes, smallConfig, smallNetwork } from '../helpers/network.js';
import { answersOf, exported, relativeDifference } from './support.js';

const folder = temporaryFolder();
const tolerance = 1e-4;
/** Where there is no answer. */
const none = new Float32Array(0);

beforeAll(() => startEngine());

/** The messages in a field of a message of protocol buffers. */
function within(message: Buffer, wanted: number): Buffer[] {
  return [...fields(message)].flatMap(({ number, bytes }) => (number === wanted ? [bytes] : []));
}

/** How often an operation stands in a graph, bodies included; the numbers are those of onnx.proto. */
function count(file: Parts | undefined, op: string): number {
  const inGraph = (graph: Buffer): number =>
    within(graph, 1).reduce((sum, node) => {
      const bodies = within(node, 5).flatMap(attribute => within(attribute, 6));
      const own = within(node, 4).filter(name => name.toString() === op).length;
      return bodies.reduce((all, body) => all + inGraph(body), sum + own);
    }, 0);
  return within(Buffer.concat(file ?? []), 7).reduce((sum, graph) => sum + inGraph(graph), 0);
}

/** Weights as large as an untrained network's, from a generator of a few cycles: most of the time would go into better ones. */
function quickly(parameters: Tensors): Tensors {
  let state = 1;
  return Object.fromEntries(
    Object.entries(parameters).map(([name, { shape, size }]) => {
      const values = new Float32Array(size);
      const [height = 1, width = 1, , out = NaN] = shape;
      const fan = out === 1 ? height * width : size / (shape.at(-1) ?? 1);
      const scale = shape.length === 1 ? 0.1 : Math.sqrt(6 / fan);
      const centre = shape.length === 1 && name.endsWith('weight') ? 1 : 0;
      for (let i = 0; i < size; i++) {
        state = (Math.imul(state, 1664525) + 1013904223) | 0;
        values[i] = centre + (state / 2 ** 31) * scale;
      }
      return [name, tf.tensor(values, shape)];
    }),
  );
}

describe.each([...networks.keys()])('%s', name => {
  it('gives on ONNX Runtime what it gives in TensorFlow, its images turned round once', async () => {
    const config = StaticConfig.parse({
      input: 40,
      encoder: { name },
      side: 48,
      channels: 3,
      classes: ['a', 'b', 'c'],
      mean: [0.4, 0.5, 0.6],
      std: [0.2, 0.25, 0.3],
    });
    const network = new StaticNetwork(config);
    const { variables: zeros, multiAdds } = network.initialise('zeros');
    const variables = lively({ ...zeros, parameters: quickly(zeros.parameters) });
    const both = await exported(
      network.anytime(() => variables, multiAdds),
      join(folder, name),
    );
    const images = noiseBytes(3 * 48 * 48 * 3);
    const [expected] = await answersOf(both.engine, images, []);
    const [given] = await answersOf(both.exported, images, []);
    expect(relativeDifference(given?.logits ?? none, expected?.logits ?? none)).toBeLessThan(tolerance);
    // Answers that are all the same would agree by themselves.
    expect(new Set(expected?.logits).size).toBe(9);
    const graph = both.files.get('glance.onnx');
    expect(count(graph, 'Transpose')).toBe(1);
    expect(count(graph, 'Pad')).toBe(0);
    await both.dispose();
    disposeTree([variables, zeros]);
  });
});

describe.each(classifiers)('a GFNet, %s classifier', kind => {
  it.each([
    ['grey', { interpolation: 'bilinear' }],
    ['grey as RGB, bicubic', { interpolation: 'bicubic', mean: [0.4, 0.5, 0.6], std: [0.3] }],
    ['linear policy, RGB', { channels: 3, policy: { encoder: 'linear', hidden: 6 } }],
    ['large, RGB', { channels: 3, side: 150 }],
  ])('takes the same steps, all of them and stopping early: %s', async (what, options) => {
    const config = smallConfig(kind, options);
    const { gfnet, variables, costs } = smallNetwork(config);
    const model = anytimeGFNet(gfnet, costs, () => variables, 'learned');
    const both = await exported(model, join(folder, kind, what));
    for (const [name, file] of both.files) {
      if (!name.endsWith('.onnx')) continue;
      // Large images are made smaller, and patches cut, one by one.
      expect(count(file, 'Scan')).toBe(name === 'glance.onnx' && config.side < 150 ? 0 : 1);
      expect(count(file, 'GatherND')).toBe(0);
    }
    const n = 9;
    const { pixels, images } = noise(config, n);
    const all = await answersOf(both.engine, pixels, []);
    expect(all.map(({ rows }) => rows.length)).toEqual([n, n, n]);
    // Between two confidences, so that rounding decides nothing.
    const thresholds = all.slice(0, -1).map(({ probabilities }) => {
      const sure = Array.from({ length: n }, (_, i) => Math.max(...probabilities.subarray(4 * i, 4 * i + 4)));
      const [below = 0, above = 0] = sure.sort((a, b) => a - b).slice(5, 7);
      return (below + above) / 2;
    });
    for (const limits of [[], thresholds]) {
      const expected = await answersOf(both.engine, pixels, limits);
      const given = await answersOf(both.exported, pixels, limits);
      expect(given.map(({ rows }) => [...rows])).toEqual(expected.map(({ rows }) => [...rows]));
      expected.forEach(({ logits, probabilities, actions }, t) => {
        const other = given[t];
        expect(relativeDifference(other?.logits ?? none, logits)).toBeLessThan(tolerance);
        expect(relativeDifference(other?.probabilities ?? none, probabilities)).toBeLessThan(tolerance);
        expect(other?.actions === null).toBe(actions === null);
        if (actions) expect(relativeDifference(other?.actions ?? none, actions)).toBeLessThan(tolerance);
      });
    }
    await both.dispose();
    disposeTree([variables, images]);
  });

  it('is read from memory, weights beside the graphs, with images that are made smaller one by one', async () => {
    const { gfnet, variables, costs } = smallNetwork(smallConfig(kind, { channels: 3, side: 150 }));
    const model = anytimeGFNet(gfnet, costs, () => variables, 'learned');
    const { files } = exportGraphs(model);
    const weights = Buffer.concat(files.get('weights.bin') ?? []);
    const sessions: InferenceSession[] = [];
    for (const [name, content] of files) {
      if (name === 'weights.bin') continue;
      const externalData = [{ path: 'weights.bin', data: weights }];
      sessions.push(await InferenceSession.create(Buffer.concat(content), { externalData }));
    }
    expect(sessions.map(({ inputNames }) => inputNames[0])).toEqual(sessions.map(() => 'images'));
    for (const session of sessions) await session.release();
    disposeTree(variables);
  });

  it('leaves no tensor, and writes weights once that several graphs have', async () => {
    const config = smallConfig(kind, { encoder: { name: 'small', widths: [8, 40] } });
    const { gfnet, variables, costs } = smallNetwork(config);
    const before = tf.memory().numTensors;
    const both = await exported(
      anytimeGFNet(gfnet, costs, () => variables, 'learned'),
      join(folder, kind),
    );
    expect(tf.memory().numTensors).toBe(before);
    await both.dispose();
    const bytes = leaves(variables).reduce((sum: number, { size }: Tensor) => sum + 4 * size, 0);
    expect(bytesIn(both.files.get('weights.bin') ?? [])).toBeLessThan(bytes);
    expect([...both.files.keys()]).toEqual(
      kind === 'cascade'
        ? ['glance.onnx', 'focus2.onnx', 'focus3.onnx', 'weights.bin']
        : ['glance.onnx', 'focus.onnx', 'weights.bin'],
    );
    disposeTree(variables);
  });
});
