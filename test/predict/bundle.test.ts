import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BundleManifest } from '../../src/bundle/manifest.js';
import { startEngine } from '../../src/engine/start.js';
import { disposeTree } from '../../src/engine/tensor-tree.js';
import { BundleError, EngineError, ExportError, GFNetError, UsageError } from '../../src/errors/index.js';
import { makeBundle, writeBundle } from '../../src/export/bundle.js';
import { verify } from '../../src/export/verify.js';
import { GFNet } from '../../src/index.js';
import { GFNet as BundledGFNet } from '../../src/predict/index.js';
import { engineRunner } from '../../src/predict/engine.js';
import type { ImageStore } from '../../src/predict/step-runner.js';
import { parseResults } from '../../src/evaluation/index.js';
import { parseBudget } from '../../src/predict/budget.js';
import { findEvaluation } from '../../src/predict/calibration.js';
import { loadModel } from '../../src/predict/load.js';
import type { Belief, Prediction } from '../../src/predict/prediction.js';
import { loadRunner } from '../../src/predict/onnx-node.js';
import { temporaryFolder } from '../checkpoint/support.js';
import { testDigits } from '../helpers/digits.js';
import { noiseBytes } from '../helpers/network.js';

const folder = temporaryFolder();
const packaged = join(import.meta.dirname, '../../checkpoints/cluttered-60');
const bundle = join(folder, 'digits');

let here: GFNet;
let there: BundledGFNet;

beforeAll(async () => {
  startEngine();
  const loaded = loadModel(packaged);
  const examples = { names: ['noise'], pixels: noiseBytes(4 * 60 * 60) };
  const made = await makeBundle('digits', loaded, findEvaluation(loaded.checkpoint), examples);
  expect(made.manifest.verification.difference).toBeLessThan(1e-4);
  writeBundle(bundle, made, new Map([['README.md', [Buffer.from('# digits')]]]));
  disposeTree(loaded.variables);
  here = await GFNet.load(packaged);
  there = await BundledGFNet.load(bundle, { threads: 1 });
});

afterAll(async () => {
  await here.dispose();
  await there.dispose();
});

/** The same but for rounding. */
function expectSame(given: readonly Prediction[], expected: readonly Prediction[]): void {
  expect(given).toHaveLength(expected.length);
  given.forEach((prediction, i) => {
    const other = expected[i];
    expect(prediction).toMatchObject({ label: other?.label, steps: other?.steps, boxes: other?.boxes });
    expect(prediction.multiAdds).toBe(other?.multiAdds);
    expect(prediction.beliefs).toHaveLength(other?.steps ?? NaN);
    expect(prediction.probability).toBeCloseTo(other?.probability ?? NaN, 5);
  });
}

describe('a bundle predicts as the model it was made of', () => {
  it.each([
    { threshold: 1 },
    { threshold: 0.6 },
    { budget: 12e6 },
    { budget: 20e6, batchSize: 3 },
    { maxAccuracyDrop: 0.005 },
  ])('%j', async options => {
    const images = await testDigits(8);
    const expected = await here.predict(images, options);
    expectSame(await there.predict(images, options), expected);
    const any = await GFNet.load(bundle);
    expectSame(await any.predict(images, options), expected);
    await any.dispose();
  });

  it('some images stopping early, others not', async () => {
    const steps = (await there.predict(await testDigits(24), { threshold: 0.975 })).map(({ steps }) => steps);
    expect(new Set(steps).size).toBeGreaterThan(1);
  });
});

describe('a budget in milliseconds', () => {
  it('takes of the evaluation the thresholds expected to be most accurate that keep to it, by what steps take here', async () => {
    const times = await there.stepMilliseconds();
    expect(times).toHaveLength(4);
    expect(await there.stepMilliseconds()).toBe(times);
    const until = (steps: number): number => times.slice(0, steps).reduce((sum, time) => sum + time, 0);
    const { choices } = parseResults(readFileSync(join(packaged, 'results.json'), 'utf8'), 'results.json');
    const timed = choices.map(({ exitShares, ...choice }) => ({
      ...choice,
      time: exitShares.reduce((sum, share, t) => sum + share * until(t + 1), 0),
    }));
    const images = await testDigits(40);
    const whole = await there.predict(images, { threshold: 1 });
    const found = new Set<string>();
    for (const part of [0.02, 0.1, 0.3, 0.6, 1]) {
      const milliseconds = until(1) + part * (until(4) - until(1)) + 1e-6;
      const within = timed.filter(({ time }) => time <= milliseconds);
      const most = Math.max(...within.map(({ expected = NaN }) => expected));
      // Any of the best that takes least: equal choices may be written otherwise.
      const best = within.filter(({ expected }) => expected === most);
      const least = Math.min(...best.map(({ time }) => time));
      const expected = best
        .filter(({ time }) => time <= least + 1e-9)
        .map(({ thresholds }) =>
          whole
            .map(
              ({ beliefs }) =>
                1 +
                beliefs.findIndex(
                  ({ top }, t) => t === 3 || (top[0]?.probability ?? 0) >= (thresholds[t] ?? 0),
                ),
            )
            .join(),
        );
      const given = await there.predict(images, { budget: { milliseconds } });
      const steps = given.map(prediction => prediction.steps).join();
      expect(expected).toContain(steps);
      found.add(steps);
    }
    expect(found.size).toBeGreaterThan(2);
  });

  it('is refused below what the glance takes, and where it is none', async () => {
    const [image = ''] = await testDigits(1);
    await expect(there.predict([image], { budget: { milliseconds: 1e-9 } })).rejects.toThrow(/below[^]*ms/);
    await expect(there.predict([image], { budget: { milliseconds: -1 } })).rejects.toBeInstanceOf(UsageError);
    await expect(here.predict([image], { budget: { milliseconds: 1e9 } })).resolves.toHaveLength(1);
  });

  it('is read as people write it', () => {
    expect(['12M', '12e6', '9300000', '0.5g', '8ms', ' 2.5 MS '].map(parseBudget)).toEqual([
      12e6,
      12e6,
      9.3e6,
      0.5e9,
      { milliseconds: 8 },
      { milliseconds: 2.5 },
    ]);
    expect(['', '0', '-3', 'ms', '8 min', '1e999', '3x'].map(parseBudget)).toEqual(Array(7).fill(undefined));
  });
});

describe('asked for an answer in time', () => {
  it('gives what is believed when the next look would end too late, of as many classes as asked for', async () => {
    const images = await testDigits(3);
    const [all, none] = [
      { threshold: 1, maxMs: 1e9, topK: 2 },
      { threshold: 1, maxMs: 1e-6 },
    ];
    const whole = await there.predict(images, all);
    expect(whole.map(({ steps, top }) => [steps, top.length])).toEqual(images.map(() => [4, 2]));
    const short = await there.predict(images, none);
    expect(short.map(({ steps }) => steps)).toEqual([1, 1, 1]);
    expect(short.map(({ label }) => label)).toEqual(whole.map(({ beliefs }) => beliefs[0]?.top[0]?.label));
    const streamed: number[] = [];
    for await (const outcome of there.stream(images, { ...none, batchSize: 2 }))
      if ('prediction' in outcome) streamed.push(outcome.prediction.steps);
    expect(streamed).toEqual([1, 1, 1]);
    await expect(there.predict(images, { maxMs: 0 })).rejects.toBeInstanceOf(UsageError);
  });
});

describe('step by step', () => {
  it('gives each belief as it comes, and takes no step that is not asked for', async () => {
    const [image = ''] = await testDigits(1);
    const [expected] = await there.predict([image], { threshold: 1 });
    const seen: Belief[] = [];
    for await (const belief of there.steps(image, { threshold: 1 })) {
      seen.push(belief);
      if (belief.step === 2) break;
    }
    expect(seen).toEqual(expected?.beliefs.slice(0, 2));
    expect(seen[1]?.box).toEqual(expected?.boxes[0]);
  });

  it('tells of the steps of every image by its index, also where one before cannot be read', async () => {
    const images: (Buffer | string)[] = await testDigits(5);
    images.splice(2, 0, join(folder, 'missing.png'));
    const told = new Map<number, number[]>();
    const outcomes = there.stream(images, {
      threshold: 0.6,
      batchSize: 4,
      onStep: ({ step }, index) => told.set(index, [...(told.get(index) ?? []), step]),
    });
    let index = 0;
    for await (const outcome of outcomes) {
      const steps = 'error' in outcome ? undefined : outcome.prediction.beliefs.map(({ step }) => step);
      expect(told.get(index++)).toEqual(steps);
    }
    expect(index).toBe(6);
    expect(told.has(2)).toBe(false);
  });

  it('stops between two steps when it is told to', async () => {
    const interruption = new AbortController();
    const options = { threshold: 1, signal: interruption.signal };
    const seen: number[] = [];
    const work = there.predict(await testDigits(2), {
      ...options,
      onStep: ({ step }) => {
        seen.push(step);
        interruption.abort(new Error('enough'));
      },
    });
    await expect(work).rejects.toThrow('enough');
    expect(seen).toEqual([1, 1]);
  });
});

describe('a stream', () => {
  it('keeps the order, passes over what cannot be read, and holds no more than may be on their way', async () => {
    const [image = Buffer.alloc(0)] = await testDigits(1);
    let [asked, answered, ahead] = [0, 0, 0];
    function* sources(): Generator<Uint8Array> {
      for (; asked < 200; asked++) {
        ahead = Math.max(ahead, asked - answered);
        yield asked % 7 === 3 ? Buffer.from('none') : image;
      }
    }
    const failed: number[] = [];
    for await (const outcome of there.stream(sources(), { batchSize: 4 })) {
      if ('error' in outcome) failed.push(answered);
      answered++;
    }
    expect(answered).toBe(200);
    expect(failed).toEqual(Array.from({ length: 29 }, (_, i) => 7 * i + 3));
    expect(ahead).toBeLessThanOrEqual(128 + 2 * 4);
  });
});

type Described = Pick<BundleManifest, 'files' | 'classes'>;

function without(files: BundleManifest['files'], name: string): BundleManifest['files'] {
  return Object.fromEntries(Object.entries(files).filter(([other]) => other !== name));
}

describe('is refused', () => {
  async function refusal(path: string, options = {}): Promise<GFNetError> {
    const error: unknown = await BundledGFNet.load(path, options).catch((error: unknown) => error);
    return error instanceof GFNetError ? error : expect.fail(String(error));
  }

  it('a bundle that was altered, cut short, or is none', async () => {
    const copy = join(folder, 'copy');
    cpSync(bundle, copy, { recursive: true });
    const weights = readFileSync(join(copy, 'weights.bin'));
    weights[weights.length >> 1] = 1 ^ (weights[weights.length >> 1] ?? 0);
    writeFileSync(join(copy, 'weights.bin'), weights);
    expect((await refusal(copy)).message).toMatch(/weights\.bin is cut short or was altered/);
    writeFileSync(join(copy, 'bundle.json'), '{"schemaVersion": 4}');
    expect((await refusal(copy)).message).toMatch(/newer version/);
    writeFileSync(join(copy, 'bundle.json'), '{"schemaVersion": 3}');
    expect(await refusal(copy)).toBeInstanceOf(BundleError);
    expect((await refusal(packaged)).message).toMatch(/missing[^]*bundle\.json/);
  });

  it.each<[string, RegExp, (manifest: Described) => object]>([
    [
      'without its weights',
      /weights\.bin is missing[^]*files/,
      ({ files }) => ({ files: without(files, 'weights.bin') }),
    ],
    [
      'without a graph',
      /focus\.onnx is missing[^]*files/,
      ({ files }) => ({ files: without(files, 'focus.onnx') }),
    ],
    ['with crops larger than images', /crops of 61 pixels, of images of 60[^]*patch/, () => ({ patch: 61 })],
    [
      'with images too small to be cut',
      /brought to 50 pixels, and 60 cut out[^]*resize/,
      () => ({ preprocessing: { resize: 50 } }),
    ],
    [
      'with other classes',
      /given: {3}classes: 9[^]*allowed: 10/,
      ({ classes }) => ({ classes: classes.slice(1) }),
    ],
    [
      'with other images',
      /given: {3}image: 61 x 61 x 1[^]*allowed: 60 x 60 x 1/,
      () => ({ image: { side: 61, channels: 1 } }),
    ],
  ])('a description %s', async (_, message, change) => {
    const copy = temporaryFolder();
    cpSync(bundle, copy, { recursive: true });
    const path = join(copy, 'bundle.json');
    const manifest = JSON.parse(readFileSync(path, 'utf8')) as Described;
    writeFileSync(path, JSON.stringify({ ...manifest, ...change(manifest) }));
    const error = await refusal(copy);
    expect(error).toBeInstanceOf(BundleError);
    expect(error.message).toMatch(message);
  });

  it('nothing because its card was edited', async () => {
    const copy = temporaryFolder();
    cpSync(bundle, copy, { recursive: true });
    writeFileSync(join(copy, 'README.md'), '---\nlicense: mit\n---\n# digits');
    const model = await BundledGFNet.load(copy);
    expect(await model.predict(await testDigits(1))).toHaveLength(1);
    await model.dispose();
  });

  it('a provider that is not there', async () => {
    expect(await refusal(bundle, { provider: 'abacus' })).toBeInstanceOf(EngineError);
    await expect(GFNet.load(packaged, { provider: 'cpu' })).rejects.toBeInstanceOf(UsageError);
  });

  it('a folder that holds something', async () => {
    const loaded = loadModel(packaged);
    const pixels = noiseBytes(60 * 60);
    const made = await makeBundle('digits', loaded, undefined, { names: [], pixels });
    expect(() => writeBundle(bundle, made, new Map())).toThrow(/not empty/);
    expect(made.manifest.calibration).toEqual([]);
    disposeTree(loaded.variables);
  });

  it('an export that gives something else', async () => {
    const other = loadModel(join(packaged, '../cluttered-100'));
    const runner = engineRunner(other.model);
    const pixels = noiseBytes(100 * 100);
    const steps = ['glance.onnx', 'focus.onnx'].map(graph => ({ graph, multiAdds: 1 }));
    const wrong = await loadRunner(bundle, { steps, image: { side: 60, channels: 1 } });
    const truncated = Object.create(wrong, {
      imageSize: { value: pixels.length },
      begin: { value: ({ places }: ImageStore) => wrong.begin({ pixels: pixels.slice(0, 3600), places }) },
      take: { value: wrong.take.bind(wrong) },
    }) as typeof wrong;
    await expect(verify(runner, truncated, pixels, 0)).rejects.toBeInstanceOf(ExportError);
    await wrong.dispose();
    await runner.dispose();
    disposeTree(other.variables);
  });
});
