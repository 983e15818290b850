/** What each step takes by the clock for one image by itself, here and now. */
import { spread } from '../model/spread.js';
import type { StepRunner } from './step-runner.js';

/** Passes through all steps that are not counted, at least and at most counted; none is begun after so many milliseconds. */
const passes = { warmUp: 3, least: 7, most: 51, patience: 1000 };

/** Medians, in milliseconds, of a grey image that takes all steps. */
export async function measureStepTimes<Rows>(runner: StepRunner<Rows>): Promise<number[]> {
  const pixels = new Uint8Array(runner.imageSize).fill(128);
  const times: number[][] = runner.networks.map(() => []);
  const pass = async (): Promise<number[]> => {
    const taken: number[] = [];
    let rows = runner.begin({ pixels, places: Int32Array.of(0) });
    for (const step of runner.networks.keys()) {
      const started = performance.now();
      ({ rows } = await runner.take(step, rows));
      taken.push(performance.now() - started);
    }
    runner.free(rows);
    return taken;
  };
  for (let i = 0; i < passes.warmUp; i++) await pass();
  const started = performance.now();
  for (let i = 0; i < passes.most; i++) {
    if (i >= passes.least && performance.now() - started > passes.patience) break;
    (await pass()).forEach((time, t) => times[t]?.push(time));
  }
  return times.map(values => spread(values).median);
}
