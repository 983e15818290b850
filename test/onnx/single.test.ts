/** All steps in one graph, beside the runner that takes them one by one. */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { boxOf } from '../../src/crop/box.js';
import { startEngine } from '../../src/engine/start.js';
import { disposeTree } from '../../src/engine/tensor-tree.js';
import { recordGraphs, singleFile } from '../../src/export/graphs.js';
import { anytimeGFNet } from '../../src/model/locators.js';
import { temporaryFolder } from '../checkpoint/support.js';
import { classifiers, noise, smallConfig, smallNetwork } from '../helpers/network.js';
import { answersOf, exported, relativeDifference } from '../export/support.js';

const folder = temporaryFolder();

beforeAll(() => startEngine());

describe.each(classifiers)('a GFNet with %s classifier as one graph', kind => {
  it('takes the same steps, looks at the same places and answers the same, for any thresholds', async () => {
    const config = smallConfig(kind, { steps: 4 });
    const { gfnet, variables, costs } = smallNetwork(config);
    const model = anytimeGFNet(gfnet, costs, () => variables, 'learned');
    const both = await exported(model, join(folder, kind));
    const image = { side: config.side, channels: config.channels };
    const file = singleFile(recordGraphs(model), image, config.patch);
    const session = await InferenceSession.create(file);
    const n = 12;
    const { pixels, images } = noise(config, n);
    const size = pixels.length / n;
    const all = await answersOf(both.exported, pixels, []);
    // Some leave at each step.
    const thresholds = all.slice(0, -1).map(({ probabilities }) => {
      const sure = Array.from({ length: n }, (_, i) => Math.max(...probabilities.subarray(4 * i, 4 * i + 4)));
      const [below = 0, above = 0] = sure.sort((a, b) => a - b).slice(7, 9);
      return (below + above) / 2;
    });
    const seen = new Set<number>();
    for (const limits of [thresholds, [2, 2, 2], [0, 2, 2], [2, 0, 2], [2, 2, 0]]) {
      for (let i = 0; i < n; i++) {
        const own = pixels.subarray(i * size, (i + 1) * size);
        const steps = await answersOf(both.exported, own, limits);
        const given = await session.run({
          images: new Tensor('uint8', own, [1, image.side, image.side, image.channels]),
          thresholds: new Tensor('float32', Float32Array.from(limits), [3]),
        });
        expect(Number((given.steps?.data as BigInt64Array)[0])).toBe(steps.length);
        seen.add(steps.length);
        for (const name of ['logits', 'probabilities'] as const) {
          const data = given[name]?.data as Float32Array;
          expect(relativeDifference(data, steps.at(-1)?.[name] ?? new Float32Array(0))).toBeLessThan(1e-5);
        }
        const boxes = steps.slice(1).flatMap(({ actions }) => {
          const [vertical = NaN, horizontal = NaN] = actions ?? [];
          const { row, column } = boxOf(vertical, horizontal, config.side, config.patch);
          return [row, column];
        });
        expect(given.boxes?.dims).toEqual([steps.length - 1, 2]);
        expect([...(given.boxes?.data as BigInt64Array)].map(Number)).toEqual(boxes);
      }
    }
    expect(seen).toEqual(new Set([1, 2, 3, 4]));
    await session.release();
    await both.dispose();
    disposeTree([variables, images]);
  });
});
