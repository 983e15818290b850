/** What a `Predictor` makes of what it is given, whatever computes the steps. */
import { describe, expect, it } from 'vitest';
import { ImageError, UsageError } from '../../src/errors/index.js';
import { decodeSource } from '../../src/predict/decode.js';
import type { ImageSource } from '../../src/predict/prediction.js';
import type { Taken } from '../../src/predict/step-runner.js';
import type { Rows } from './counting.js';
import { Counting, counting } from './counting.js';

describe('pixels', () => {
  it.each([
    [[Uint8Array.of(1), new Uint8Array(0)], /images\[1\][^]*given: {3}0 bytes[^]*1 bytes \(height 1 x/],
    [[Uint8Array.of(1, 1), Uint8Array.of(1)], /images\[0\][^]*given: {3}2 bytes/],
    [[Uint8Array.of(1, 1)], /images\[0\][^]*given: {3}2 bytes/],
    [[new Float32Array(1)], /images\[0\][^]*given: {3}Float32Array[^]*a Uint8Array of 1 bytes/],
  ])('of another size than an image’s are refused: %j', async (images, message) => {
    const work = counting().predictPixels(images as Uint8Array[], { threshold: 0.8 });
    await expect(work).rejects.toThrow(ImageError);
    await expect(work).rejects.toThrow(message);
  });

  it('of that size are answered', async () => {
    const images = [3, 1, 4].map(sure => Uint8Array.of(sure));
    const answers = await counting().predictPixels(images, { threshold: 0.8 });
    expect(answers.map(({ steps }) => steps)).toEqual([3, 1, 4]);
  });
});

/** Gives these, and then nothing for ever. */
function silentAfter(...images: number[]): AsyncIterable<number> & { returned: boolean } {
  const given = images.values();
  const source = {
    returned: false,
    [Symbol.asyncIterator]: () => ({
      next: () => {
        const next = given.next();
        return next.done === true ? new Promise<never>(() => undefined) : Promise.resolve(next);
      },
      // As an async generator, which is busy.
      return: () => {
        source.returned = true;
        return new Promise<never>(() => undefined);
      },
    }),
  };
  return source;
}

describe('a source that is silent', { timeout: 20_000 }, () => {
  it.each([64, 3, 2, 1])('leaves no image without its answer, with batches of %i', async batchSize => {
    const answered: number[] = [];
    const source = silentAfter(1, 4, 3);
    for await (const outcome of counting().stream(source, { threshold: 0.8, batchSize })) {
      answered.push('prediction' in outcome ? outcome.prediction.steps : NaN);
      if (answered.length === 3) break;
    }
    expect(answered).toEqual([1, 4, 3]);
    expect(source.returned).toBe(true);
  });

  it('does not keep who gives up waiting', async () => {
    const interruption = new AbortController();
    const { signal } = interruption;
    const answered: unknown[] = [];
    const work = (async () => {
      for await (const outcome of counting().stream(silentAfter(1, 2), { threshold: 0.8, signal })) {
        if (answered.push(outcome) === 2) setTimeout(() => interruption.abort(new Error('enough')), 200);
      }
    })();
    await expect(work).rejects.toThrow('enough');
    expect(answered).toHaveLength(2);
  });
});

describe('a source', () => {
  it('that is read without a pause fills batches', async () => {
    async function* numbers(): AsyncGenerator<number> {
      for (let i = 0; i < 20; i++) yield Promise.resolve(1);
    }
    const runner = new Counting();
    let answered = 0;
    for await (const outcome of counting(runner).stream(numbers(), { threshold: 0.8, batchSize: 8 }))
      if ('prediction' in outcome) answered++;
    expect(answered).toBe(20);
    expect(runner.runs).toEqual([8, 8, 4].map(count => ['a', count]));
  });

  it('that fails does so after the answers to what it gave', async () => {
    function* failing(): Generator<number> {
      yield* [2, 1];
      throw new Error('no more of these');
    }
    const steps: number[] = [];
    const work = (async () => {
      for await (const outcome of counting().stream(failing(), { threshold: 0.8 }))
        if ('prediction' in outcome) steps.push(outcome.prediction.steps);
    })();
    await expect(work).rejects.toThrow('no more of these');
    expect(steps).toEqual([2, 1]);
  });
});

describe('a signal', () => {
  it('that was aborted before lets nothing be decoded, and no step be taken', async () => {
    const runner = new Counting();
    const decoded: number[] = [];
    const model = counting(runner, image => decoded.push(image));
    const options = { threshold: 0.8, signal: AbortSignal.abort(new Error('enough')) };
    await expect(model.steps(1, options).next()).rejects.toThrow('enough');
    await expect(model.predictPixels([Uint8Array.of(1)], options)).rejects.toThrow('enough');
    await expect(model.predict([1], options)).rejects.toThrow('enough');
    expect([decoded, runner.runs]).toEqual([[], []]);
  });

  it('that is aborted while an image is decoded lets no step be taken', async () => {
    const interruption = new AbortController();
    const { signal } = interruption;
    const runner = new Counting();
    const model = counting(runner, () => interruption.abort(new Error('enough')));
    for (const work of [model.steps(1, { signal }).next(), model.predict([1], { signal })])
      await expect(work).rejects.toThrow('enough');
    expect(runner.runs).toEqual([]);
    expect(runner.alive).toBe(0);
  });
});

describe('a model that was disposed of', () => {
  class Once extends Counting {
    disposed = 0;
    override take(step: number, rows: Rows): Taken<Rows> {
      if (this.disposed > 0) throw new Error('Session already disposed.');
      return super.take(step, rows);
    }
    override dispose(): void {
      if (this.disposed++ > 0) throw new Error('Session already disposed.');
    }
  }

  it('is so once', async () => {
    const runner = new Once();
    const model = counting(runner);
    await Promise.all([model.dispose(), model.dispose()]);
    await model.dispose();
    expect(runner.disposed).toBe(1);
  });

  it('says so, whatever is asked of it', async () => {
    const model = counting(new Once());
    await model.stepMilliseconds();
    await model.dispose();
    for (const work of [
      model.predict([1]),
      model.predictPixels([Uint8Array.of(1)]),
      model.steps(1).next(),
      model.stepMilliseconds(),
    ]) {
      await expect(work).rejects.toThrow(UsageError);
      await expect(work).rejects.toThrow(/disposed of[^]*load it again/);
    }
  });

  it('ends what is on its way', async () => {
    const model = counting(new Once());
    const steps = model.steps(4, { threshold: 0.8 });
    expect((await steps.next()).done).toBe(false);
    await model.dispose();
    await expect(steps.next()).rejects.toThrow(UsageError);
  });
});

describe('callers without types are told', () => {
  const model = counting();
  const refusal = async (work: Promise<unknown>): Promise<UsageError> => {
    const error: unknown = await work.catch((error: unknown) => error);
    return error instanceof UsageError ? error : expect.fail(String(error));
  };

  it.each([
    [{ budget: null }, /budget[^]*given: {3}null[^]*allowed: Multi-Adds, above 0, or/],
    [{ budget: { milliseconds: '8' } }, /given: {3}milliseconds: "8"/],
    [{ budget: {} }, /budget[^]*given: {3}Object/],
    [{ threshold: 0 }, /threshold[^]*given: {3}0[^]*allowed: above 0, up to 1/],
    [{ threshold: '0.5' }, /threshold[^]*given: {3}"0.5"/],
    [{ maxAccuracyDrop: 1 }, /maxAccuracyDrop[^]*given: {3}1[^]*between 0 and 1/],
    [{ maxPixels: NaN }, /maxPixels[^]*given: {3}NaN[^]*a whole number/],
    [{ maxMs: -1 }, /maxMs[^]*above 0/],
    [{ topK: 0 }, /topK[^]*1 or more/],
    [{ batchSize: 1.5 }, /batchSize[^]*a whole number/],
    [{ signal: 5 }, /signal[^]*an AbortSignal/],
    [{ onStep: 'no' }, /onStep[^]*a function/],
    [{ treshold: 0.5 }, /unknown option[^]*treshold[^]*threshold, budget/],
    [null, /options[^]*given: {3}null/],
  ])('of options: %j', async (options, message) => {
    const asked = options as object;
    for (const work of [
      model.predict([1], asked),
      model.predictPixels([Uint8Array.of(1)], asked),
      model.steps(1, asked).next(),
    ])
      expect((await refusal(work)).message).toMatch(message);
  });

  it('of batches that no memory holds', async () => {
    const { message } = await refusal(model.predict([1], { batchSize: Number.MAX_SAFE_INTEGER }));
    expect(message).toMatch(/no memory[^]*batchSize 9007199254740991/);
  });

  it.each([null, undefined, 5, 'a.png', Uint8Array.of(1, 2)])('of what is no list: %j', async images => {
    const given = images as unknown as number[];
    expect((await refusal(model.predict(given))).message).toMatch(/no images[^]*\[image\]/);
    const pixels = images as unknown as Uint8Array[];
    expect((await refusal(model.predictPixels(pixels))).message).toMatch(/no images[^]*an array/);
  });

  it.each([null, 5, {}, new ArrayBuffer(4), { width: 1, height: 1, channels: 1 }])(
    'of what is no image: %j',
    async image => {
      const target = { height: 1, width: 1, channels: 1 };
      const work = decodeSource(image as unknown as ImageSource, target, undefined);
      await expect(work).rejects.toThrow(ImageError);
      await expect(work).rejects.toThrow(/no image[^]*given: {3}(null|5|Object|ArrayBuffer)\n[^]*a path/);
    },
  );
});
