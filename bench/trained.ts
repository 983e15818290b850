/** A packaged model, the images it was tested on, and the static network that was judged beside it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { batches, shuffled } from '../src/data/loader.js';
import { openData } from '../src/data/open.js';
import { rawBytes } from '../src/data/raw-image.js';
import { disposeTree } from '../src/engine/tensor-tree.js';
import type { Results } from '../src/evaluation/index.js';
import { parseResults } from '../src/evaluation/index.js';
import { StaticConfig } from '../src/model/config.js';
import { anytimeGFNet } from '../src/model/locators.js';
import { StaticNetwork } from '../src/model/static.js';
import { loadGFNet } from '../src/predict/load.js';
import { stream } from '../src/random/index.js';
import { packaged, preset, seed } from './subject.js';
import type { Exported, Point } from './onnx.js';
import { budgets } from './onnx.js';

/** @param count images, drawn from the test set */
export async function trained(count: number): Promise<Exported> {
  const { folder } = packaged;
  const { gfnet, costs, variables } = loadGFNet(folder);
  const results = parseResults(readFileSync(join(folder, 'results.json'), 'utf8'), folder);
  const [rival] = results.statics;
  if (!rival) throw new RangeError(`${folder} was judged beside no static network`);
  // With weights as they are drawn, which take as long as those that were judged.
  const network = new StaticNetwork(StaticConfig.parse({ ...gfnet.config, input: rival.input }));
  const { variables: drawn, multiAdds } = network.initialise(stream(seed, 'initialise'));
  return {
    name: packaged.preset,
    model: anytimeGFNet(gfnet, costs, () => variables, 'learned'),
    patch: gfnet.config.patch,
    images: await testImages(count),
    points: pointsOf(results, rival.accuracy),
    rival: { model: network.anytime(() => drawn, multiAdds), accuracy: rival.accuracy },
    dispose: () => disposeTree([variables, drawn]),
  };
}

/** The reference's budgets, and before them the cheapest thresholds that are as accurate as the static network. */
function pointsOf({ exitShares, choices }: Results, accuracy: number): Point[] {
  const equal = choices
    .filter(choice => choice.accuracy >= accuracy)
    .sort((a, b) => a.meanMultiAdds - b.meanMultiAdds)[0];
  return [
    ...(equal ? [{ ...equal, name: 'static', asStatic: true } as const] : []),
    ...exitShares
      .filter(({ p }) => budgets.some(budget => budget === p))
      .map(point => ({ ...point, name: String(point.p) })),
  ];
}

async function testImages(count: number): Promise<Uint8Array[]> {
  const { test, close } = openData(preset(packaged.preset).data);
  const order = shuffled(test, seed, 0).slice(0, count);
  const images: Uint8Array[] = [];
  for await (const batch of batches(test, { order, batchSize: count, epoch: 0, dropLast: false })) {
    const size = batch.images.length / batch.size;
    for (let i = 0; i < batch.size; i++)
      images.push(rawBytes({ ...test.shape, data: batch.images.subarray(i * size, (i + 1) * size) }).data);
  }
  await close?.();
  return images;
}
