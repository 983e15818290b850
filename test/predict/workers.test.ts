/** Streams whose batches are taken by threads of their own. */
import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { EngineError, UsageError } from '../../src/errors/index.js';
import { GFNet } from '../../src/index.js';
import type { LoadOptions } from '../../src/predict/bundle.js';
import type { Looked } from '../../src/predict/conveyor.js';
import { Fleet } from '../../src/predict/fleet.js';
import { GFNet as BundledGFNet } from '../../src/predict/index.js';
import type { Order, Report } from '../../src/predict/orders.js';
import type { ImageSource } from '../../src/predict/prediction.js';
import type { StreamThread } from '../../src/predict/stream-thread.js';
import { temporaryFolder } from '../checkpoint/support.js';
import { gfnet } from '../cli/support.js';
import { testDigits } from '../helpers/digits.js';

const root = join(import.meta.dirname, '../..');
const folder = temporaryFolder();
const bundle = join(folder, 'digits');

let alone: BundledGFNet;
let together: BundledGFNet;

beforeAll(async () => {
  expect(gfnet(root, 'export', 'checkpoints/cluttered-60', '--out', bundle).code).toBe(0);
  alone = await BundledGFNet.load(bundle, { threads: 1 });
  together = await BundledGFNet.load(bundle, { threads: 2, workers: 2 });
});

afterAll(async () => {
  await alone.dispose();
  await together.dispose();
});

async function collect<Value>(values: AsyncIterable<Value>): Promise<Value[]> {
  const all: Value[] = [];
  for await (const value of values) all.push(value);
  return all;
}

describe('with workers', () => {
  it.each([
    { batchSize: 1, threshold: 0.975 },
    { batchSize: 3, threshold: 0.6 },
    { batchSize: 16, threshold: 0.975 },
    { batchSize: 16, threshold: 1 },
    { batchSize: 64, budget: 13e6 },
  ])('the answers are the same, and in order: %j', async options => {
    const broken = Buffer.from('no image');
    const images: ImageSource[] = [...(await testDigits(100)), broken, ...(await testDigits(29))];
    const seen = images.map((): number[] => []);
    const onStep = ({ step }: { step: number }, id: number): void => void seen[id]?.push(step);
    const given = await collect(together.stream(images, { ...options, onStep }));
    const expected = await collect(alone.stream(images, options));
    expect(given.map(({ source }) => source)).toEqual(images);
    for (const [i, outcome] of given.entries()) {
      const other = expected[i];
      if ('error' in outcome || !other || 'error' in other) {
        expect([i, other && 'error' in other && other.error.message]).toEqual([
          100,
          'error' in outcome && outcome.error.message,
        ]);
        continue;
      }
      const { label, steps, boxes, probability } = other.prediction;
      expect(outcome.prediction).toMatchObject({ label, steps, boxes });
      expect(outcome.prediction.probability).toBeCloseTo(probability, 5);
      expect(seen[i]).toEqual(Array.from({ length: steps }, (_, t) => t + 1));
    }
  });

  it('streams at the same time do not mix', async () => {
    const images = await testDigits(40);
    const [all, few] = await Promise.all([
      collect(together.stream(images, { batchSize: 4, threshold: 1 })),
      collect(together.stream(images, { batchSize: 8, threshold: 0.3 })),
    ]);
    const stepsOf = (outcomes: typeof all): number[] =>
      outcomes.map(outcome => ('prediction' in outcome ? outcome.prediction.steps : NaN));
    expect(stepsOf(all)).toEqual(images.map(() => 4));
    expect(stepsOf(few)).toEqual(stepsOf(await collect(alone.stream(images, { threshold: 0.3 }))));
  });

  it('a stream that is given up leaves the workers to the next', async () => {
    const images = await testDigits(60);
    for await (const outcome of together.stream(images, { batchSize: 4, threshold: 1 })) {
      expect(outcome).toHaveProperty('prediction');
      break;
    }
    const interruption = new AbortController();
    const work = (async () => {
      for await (const outcome of together.stream(images, {
        ...{ batchSize: 4, threshold: 1, signal: interruption.signal },
      })) {
        expect(outcome).toHaveProperty('prediction');
        interruption.abort(new Error('enough'));
      }
    })();
    await expect(work).rejects.toThrow('enough');
    expect(await collect(together.stream(images, { batchSize: 4 }))).toHaveLength(60);
  });

  it('a stream ends where the model is disposed of', async () => {
    const model = await BundledGFNet.load(bundle, { workers: 2 });
    const images = await testDigits(60);
    const work = (async () => {
      for await (const outcome of model.stream(images, { batchSize: 4, threshold: 1 })) {
        expect(outcome).toHaveProperty('prediction');
        void model.dispose();
      }
    })();
    await expect(work).rejects.toThrow(UsageError);
    await expect(work).rejects.toThrow('the model was disposed of');
    await model.dispose();
  });

  it('a bundle that was replaced since is refused, and taken again where it is back', async () => {
    const copy = join(folder, 'copy');
    cpSync(bundle, copy, { recursive: true });
    const model = await BundledGFNet.load(copy, { workers: 2 });
    const images = await testDigits(20);
    const description = join(copy, 'bundle.json');
    const before = readFileSync(description, 'utf8');
    writeFileSync(description, before.replace('"digits"', '"others"'));
    expect(readFileSync(description, 'utf8')).not.toBe(before);
    const work = collect(model.stream(images, { batchSize: 4 }));
    await expect(work).rejects.toThrow(EngineError);
    await expect(work).rejects.toThrow(
      /a thread that takes the steps of a stream ended[^]*is not what it was/,
    );
    writeFileSync(description, before);
    // The other worker may not have read it yet, or not have ended.
    await vi.waitFor(
      async () => expect(await collect(model.stream(images, { batchSize: 4 }))).toHaveLength(20),
      10_000,
    );
    await model.dispose();
  });

  it('a program ends by itself, whether it disposed of the model or not', () => {
    const program = `
      import { GFNet } from './dist/src/predict/index.js';
      const model = await GFNet.load(${JSON.stringify(bundle)}, { workers: 2 });
      const images = Array(20).fill('checkpoints/cluttered-60/example.png');
      const predictions = await model.predict(images, { batchSize: 4 });
      if (process.argv.includes('dispose')) await model.dispose();
      console.log(new Set(predictions.map(({ label }) => label)).size, predictions.length);`;
    for (const last of ['dispose', 'leave']) {
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        ['--input-type=module', '--eval', program, last],
        { cwd: root, encoding: 'utf8', timeout: 60_000 },
      );
      expect([status, stdout, stderr]).toEqual([0, '1 20\n', '']);
    }
  });

  it('a program may end in the midst of a stream', () => {
    const program = `
      import { GFNet } from './dist/src/predict/index.js';
      const model = await GFNet.load(${JSON.stringify(bundle)}, { workers: 2 });
      const images = Array(2000).fill({ data: new Uint8Array(3600), width: 60, height: 60, channels: 1 });
      let seen = 0;
      for await (const outcome of model.stream(images, { batchSize: 64, threshold: 1 })) {
        if (++seen < 300) continue;
        await new Promise(resolve => setTimeout(resolve, 3));
        if (process.argv.includes('exit')) process.exit(7);
        if (process.argv.includes('throw')) throw new Error('enough');
        break;
      }`;
    for (const [how, code, said] of [
      ['exit', 7, ''],
      ['throw', 1, 'enough'],
      ['leave', 0, ''],
    ] as const) {
      for (let time = 0; time < 3; time++) {
        const { status, stderr } = spawnSync(
          process.execPath,
          ['--input-type=module', '--eval', program, how],
          { cwd: root, encoding: 'utf8', timeout: 60_000 },
        );
        expect([how, status, stderr]).toEqual([how, code, expect.stringContaining(said)]);
        expect(stderr).not.toContain('terminate called');
      }
    }
  });

  it.each([{ workers: 0 }, { workers: 1.5 }, { workers: '2' as unknown as number }])(
    'options out of range are refused: %j',
    async options => {
      await expect(BundledGFNet.load(bundle, options)).rejects.toThrow(UsageError);
      await expect(BundledGFNet.load(bundle, options)).rejects.toThrow(/workers out of range/);
    },
  );

  it.each([{ workers: 2 }, { provider: 'cpu' }] satisfies LoadOptions[])(
    'what goes with bundles is refused of a checkpoint: %j',
    async options => {
      const work = GFNet.load(join(root, 'checkpoints/cluttered-60'), options);
      await expect(work).rejects.toThrow(UsageError);
      await expect(work).rejects.toThrow(/goes with exported models/);
    },
  );

  it('the command line does the same', () => {
    const images = Array<string>(6).fill('checkpoints/cluttered-60/example.png');
    const common = [...images, '--model', bundle, '--batch', '2', '--format', 'csv'];
    const given = gfnet(root, 'predict', ...common, '--workers', '2');
    expect(given).toEqual(gfnet(root, 'predict', ...common));
    expect(given.stdout.trim().split('\n')).toHaveLength(7);
    const refused = gfnet(root, 'predict', ...common, '--workers', '2', '--max-ms', '5');
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain("'--workers <n>' cannot be used with option '--max-ms");
  });
});

/** A worker that carries out nothing until it is told to. */
class Idle {
  readonly orders: Order['kind'][] = [];
  holds = 0;
  #say: (report: Report) => void = () => undefined;

  readonly worker = {
    begin: () => {
      const { port1, port2 } = new MessageChannel();
      port2.on('message', (order: Order) => this.orders.push(order.kind));
      this.#say = report => port2.postMessage(report);
      return port1;
    },
    hold: () => this.holds++,
    release: () => this.holds--,
    ended: new Promise<never>(() => undefined),
  } as unknown as StreamThread;

  say(report: Report): void {
    this.#say(report);
  }
}

describe('a fleet', () => {
  const image = [Uint8Array.of(1)];
  const done: Report = { kind: 'done', looks: [] };
  const options = { batchSize: 1, thresholds: [], blocks: 4, imageSize: 1 };
  const looked = (id: number): Looked => ({
    answer: { probabilities: Float32Array.of(1), actions: null },
    images: [{ id, step: 1, last: true }],
  });
  const settled = async (work: Promise<unknown>): Promise<boolean> =>
    Promise.race([work.then(() => true), new Promise<false>(resolve => setTimeout(resolve, 100, false))]);

  it('hands batches to whoever has least to do, two to each, and waits where none has room', async () => {
    const [a, b] = [new Idle(), new Idle()];
    const fleet = new Fleet([a.worker, b.worker], { ...options, goOn: () => undefined });
    const first = collect(fleet.put(image, [0]));
    expect(await settled(first)).toBe(false);
    b.say(done);
    expect(await first).toEqual([]);
    // The other still loads.
    await collect(fleet.put(image, [1]));
    const third = collect(fleet.put(image, [2]));
    expect(await settled(third)).toBe(false);
    expect([a.orders, b.orders]).toEqual([[], ['put', 'put']]);
    a.say(done);
    await third;
    expect(await settled(collect(fleet.put(image, [3])))).toBe(true);
    const fifth = collect(fleet.put(image, [4]));
    expect(await settled(fifth)).toBe(false);
    expect([a.orders, b.orders]).toEqual([
      ['put', 'put'],
      ['put', 'put'],
    ]);
    b.say({ kind: 'done', looks: [looked(0)] });
    expect((await fifth).map(({ images }) => images[0]?.id)).toEqual([0]);
    const end = collect(fleet.finish());
    expect(await settled(end)).toBe(false);
    for (const { worker, ids } of [
      { worker: a, ids: [2, 3] },
      { worker: b, ids: [1, 4] },
    ]) {
      for (const id of ids) worker.say({ kind: 'done', looks: [looked(id)] });
      worker.say(done);
    }
    expect((await end).map(({ images }) => images[0]?.id).sort()).toEqual([1, 2, 3, 4]);
    expect([a, b].map(({ orders }) => orders.at(-1))).toEqual(['finish', 'finish']);
    expect([a.holds, b.holds]).toEqual([0, 0]);
    fleet.dispose();
  });

  it('fails where a worker does, and lets go of all', async () => {
    const [a, b] = [new Idle(), new Idle()];
    const fleet = new Fleet([a.worker, b.worker], { ...options, goOn: () => undefined });
    a.say(done);
    await collect(fleet.put(image, [0]));
    a.say({ kind: 'failed', error: new RangeError('no memory') });
    await expect(collect(fleet.finish())).rejects.toThrow(/a thread .* failed\n {2}given: {3}no memory/);
    fleet.dispose();
    expect([a.holds, b.holds]).toEqual([0, 0]);
  });
});
