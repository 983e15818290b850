import { describe, expect, it } from 'vitest';
import { WaitingState } from '../../src/predict/waiting-state.js';
import { integer, stream } from '../../src/random/index.js';

describe('what images have while they wait', () => {
  it('is what a step gave them last, in whichever batches they were and come again', () => {
    const random = stream(1, 'waiting');
    const places = 12;
    const waiting = new WaitingState(places);
    const expected = new Map<number, { readonly map: number[]; readonly hidden: number[] }>();
    const some = (): Int32Array =>
      Int32Array.from({ length: places }, (_, i) => i).filter(() => integer(random, 2) === 0);
    for (let turn = 0; turn < 200; turn++) {
      const batch = turn % 2 === 0 ? some() : some().reverse();
      const [map, hidden] = [3, 2].map(size =>
        Float32Array.from({ length: batch.length * size }, () => integer(random, 1000)),
      ) as [Float32Array, Float32Array];
      const rows = [...batch.keys()].filter(() => integer(random, 3) > 0);
      waiting.keep(new Map(Object.entries({ map, hidden })), batch, Int32Array.from(rows));
      for (const row of rows)
        expected.set(batch[row] ?? -1, {
          map: [...map.subarray(3 * row, 3 * row + 3)],
          hidden: [...hidden.subarray(2 * row, 2 * row + 2)],
        });
      const asked = some().filter(place => expected.has(place));
      const all = (name: 'map' | 'hidden'): number[] =>
        [...asked].flatMap(place => expected.get(place)?.[name] ?? []);
      if (expected.size === 0) continue;
      expect([...(waiting.of('map', asked) ?? [])]).toEqual(all('map'));
      expect([...(waiting.of('hidden', asked) ?? [])]).toEqual(all('hidden'));
    }
    expect(waiting.of('other', Int32Array.of(0))).toBeUndefined();
  });
});
