/** Whether all steps as one graph keep the saving of early exit: one image, by the steps it takes, beside the graphs of the steps. */
import { Tensor } from 'onnxruntime-node';
import { recordGraphs, singleFile } from '../src/export/graphs.js';
import { inScratch } from '../src/export/scratch.js';
import type { Spread } from '../src/model/spread.js';
import { spread } from '../src/model/spread.js';
import { loadRunner, loadSessions } from '../src/predict/onnx-node.js';
import { takeSteps } from '../src/predict/step-runner.js';
import type { Exported } from './onnx.js';
import { networkOf } from './onnx.js';
import { drain } from './race.js';

/** What the one graph is called. */
const graph = 'single.onnx';

/** Images of a turn. */
const images = 50;

export interface Single {
  readonly network: string;
  readonly steps: number;
  /** Milliseconds an image: medians of the rounds. */
  readonly apart: number;
  readonly together: number;
  /** `together` over `apart`, of the rounds. */
  readonly ratio: Spread;
}

export async function measureSingle(
  { name, model, patch, images: [pixels = new Uint8Array(0)] }: Exported,
  { threads, rounds, report }: { threads: number; rounds: number; report: (message: string) => void },
): Promise<Single[]> {
  const { side, channels, steps } = model;
  const { files, manifest } = networkOf(model);
  const runner = await loadRunner(files, manifest, { threads });
  const file = singleFile(recordGraphs(model), model, patch);
  const [session] = await inScratch(new Map([[graph, [file]]]), folder =>
    loadSessions(folder, [{ graph }], { threads }),
  );
  if (!session) throw new RangeError('no session');
  const timed = async (work: () => Promise<unknown>): Promise<number> => {
    const start = performance.now();
    for (let i = 0; i < images; i++) await work();
    return (performance.now() - start) / images;
  };
  const found: Single[] = [];
  for (let last = 1; last <= steps.length; last++) {
    report(`${name}: one graph, ${last} steps`);
    const thresholds = steps.slice(1).map((_, t) => (t + 1 === last ? 0 : Infinity));
    const feeds = {
      images: new Tensor('uint8', pixels, [1, side, side, channels]),
      thresholds: new Tensor('float32', Float32Array.from(thresholds), [steps.length - 1]),
    };
    const taken = Number((await session.run(feeds)).steps?.data[0]);
    if (taken !== last) throw new RangeError(`${taken} steps were taken, not ${last}`);
    const times: { apart: number; together: number }[] = [];
    // The first round warms up.
    for (let round = 0; round <= rounds; round++) {
      const apart = await timed(() => drain(takeSteps(runner, pixels, thresholds)));
      times.push({ apart, together: await timed(() => session.run(feeds)) });
    }
    const kept = times.slice(1);
    found.push({
      network: name,
      steps: last,
      apart: spread(kept.map(({ apart }) => apart)).median,
      together: spread(kept.map(({ together }) => together)).median,
      ratio: spread(kept.map(({ apart, together }) => together / apart)),
    });
  }
  await session.release();
  await runner.dispose();
  return found;
}
