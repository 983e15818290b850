import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { writeParts } from '../../src/checkpoint/parts.js';
import { disposeTree } from '../../src/engine/tensor-tree.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { startEngine } from '../../src/engine/start.js';
import { ExportError } from '../../src/errors/index.js';
import { encodeGraphs, recordGraphs } from '../../src/export/graphs.js';
import { compareInt8, quantiseGraphs, refuseSlower } from '../../src/export/int8.js';
import type { Batch } from '../../src/export/int8.js';
import { anytimeGFNet } from '../../src/model/locators.js';
import { loadRunner } from '../../src/predict/onnx-node.js';
import { temporaryFolder } from '../checkpoint/support.js';
import { classifiers, noise, smallConfig, smallNetwork } from '../helpers/network.js';
import { answersOf, exported, relativeDifference } from './support.js';

const folder = temporaryFolder();

beforeAll(() => startEngine());

describe.each(classifiers)('int8, a GFNet with %s classifier', kind => {
  it('answers nearly as float32 does, with all steps, and reports what both answer', async () => {
    const config = smallConfig(kind);
    const { gfnet, variables, costs } = smallNetwork(config);
    const model = anytimeGFNet(gfnet, costs, () => variables, 'learned');
    const n = 40;
    const { pixels, images } = noise(config, n);
    const both = await exported(model, join(folder, kind));
    const float32 = await answersOf(both.exported, pixels, []);
    const labels = Array.from({ length: n }, (_, i) => i % 4);
    // eslint-disable-next-line @typescript-eslint/require-await -- as images come from files
    async function* batches(): AsyncGenerator<Batch> {
      const half = pixels.length / 2;
      yield { pixels: pixels.subarray(0, half), labels: labels.slice(0, n / 2) };
      yield { pixels: pixels.subarray(half), labels: labels.slice(n / 2) };
    }
    const image = { side: config.side, channels: 1 } as const;
    const recorded = recordGraphs(model);
    const quantised = await quantiseGraphs(recorded, image, batches);
    const { files, steps } = encodeGraphs(quantised);
    const own = join(folder, `${kind}, int8`);
    mkdirSync(own);
    for (const [name, content] of files) writeParts(join(own, name), content);
    const runner = await loadRunner(own, { steps: steps.map(graph => ({ graph, multiAdds: 1 })), image });
    const int8 = await answersOf(runner, pixels, []);
    const likeliest = (logits: Float32Array, i: number): number => {
      const row = [...logits.subarray(4 * i, 4 * i + 4)];
      return row.indexOf(Math.max(...row));
    };
    const report = await compareInt8(recorded, quantised, image, batches);
    expect(report.judged).toBe(n);
    float32.forEach(({ logits }, t) => {
      const others = int8[t]?.logits ?? new Float32Array(0);
      const difference = relativeDifference(others, logits);
      expect(difference).toBeGreaterThan(1e-5);
      // Another look is another answer: only the glance is of the same pixels.
      if (t === 0) expect(difference).toBeLessThan(0.1);
      const rows = Array.from({ length: n }, (_, i) => [likeliest(logits, i), likeliest(others, i)] as const);
      const share = (is: (row: readonly [number, number], i: number) => boolean): number =>
        rows.filter(is).length / n;
      expect(report.steps[t]?.agreement).toBeCloseTo(
        share(([a, b]) => a === b),
        9,
      );
      expect(report.steps[t]?.accuracy?.float32).toBeCloseTo(
        share(([a], i) => a === labels[i]),
        9,
      );
      expect(report.steps[t]?.accuracy?.int8).toBeCloseTo(
        share(([, b], i) => b === labels[i]),
        9,
      );
      expect(share(([a, b]) => a === b)).toBeGreaterThan(0.7);
    });
    expect(report.speedUp.map(({ batch }) => batch)).toEqual([1, 16]);
    await runner.dispose();
    await both.dispose();
    disposeTree([variables, images]);
  });
});

it('is refused where it is slower with some number of images', () => {
  const report = { calibrated: 1, judged: 1, steps: [] };
  const speedUp = [
    { batch: 1, ratio: 1.5 },
    { batch: 16, ratio: 0.9 },
  ];
  expect(() => refuseSlower({ ...report, speedUp })).toThrow(ExportError);
  expect(() => refuseSlower({ ...report, speedUp: speedUp.slice(0, 1) })).not.toThrow();
});
