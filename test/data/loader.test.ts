import { describe, expect, it } from 'vitest';
import type { Dataset } from '../../src/data/dataset.js';
import { batches, shuffled } from '../../src/data/loader.js';

const shape = { height: 1, width: 2, channels: 1 };

/** Image i is i, 2 i; those of `broken` cannot be read. Tells which were asked for. */
function numbers(broken: readonly number[] = []): { dataset: Dataset; read: number[] } {
  const read: number[] = [];
  const dataset: Dataset = {
    name: 'numbers',
    size: 14,
    shape,
    classes: ['even', 'odd'],
    label: index => index % 2,
    read: (indices, _epoch, images, labels) => {
      indices.forEach((index, i) => {
        read.push(index);
        images.set([index, 2 * index], 2 * i);
        labels[i] = broken.includes(index) ? -1 : index % 2;
      });
      return Promise.resolve();
    },
  };
  return { dataset, read };
}

const given = async (dataset: Dataset, rows: readonly [number, number], withBefore = false) => {
  const order = shuffled(dataset, 3, 0);
  const all = [];
  for await (const batch of batches(dataset, {
    order,
    batchSize: 4,
    epoch: 0,
    dropLast: true,
    rows,
    withBefore,
  }))
    all.push(batch);
  return { order, all };
};

describe('batches that several processes share', () => {
  it('are read by each for its own rows alone, which together are all', async () => {
    const [one, other] = [numbers(), numbers()];
    const { order, all } = await given(one.dataset, [0, 2]);
    const { all: rest } = await given(other.dataset, [2, 4]);
    const joint = all.map(({ indices }, i) => [...indices, ...(rest[i]?.indices ?? [])]);
    expect(joint).toEqual([0, 4, 8].map(from => [...order.subarray(from, from + 4)]));
    expect(one.read.toSorted((a, b) => a - b)).toEqual(
      all.flatMap(({ indices }) => [...indices]).toSorted((a, b) => a - b),
    );
    expect(other.read.some(index => one.read.includes(index))).toBe(false);
    expect([...(all[0]?.images ?? [])]).toEqual(
      [...order.subarray(0, 2)].flatMap(index => [index, 2 * index]),
    );
  });

  it('have the image before their own where it is wanted, the very first the last', async () => {
    const { dataset } = numbers();
    const { order, all } = await given(dataset, [2, 4], true);
    expect(all.map(({ before }) => before?.indices[0])).toEqual([order[1], order[5], order[9]]);
    const first = await given(dataset, [0, 2], true);
    expect(first.all.map(({ before }) => before?.indices[0])).toEqual([order[3], order[7], order[11]]);
  });
});

describe('a batch with images that cannot be read', () => {
  it('is given without them', async () => {
    const { dataset } = numbers([0, 1, 2, 3, 4, 5, 6]);
    const { all } = await given(dataset, [0, 4]);
    const kept = all.flatMap(({ indices }) => [...indices]);
    expect(kept.length).toBeGreaterThan(0);
    expect(kept.every(index => index > 6)).toBe(true);
    expect(all.flatMap(({ images }) => [...images])).toEqual(kept.flatMap(index => [index, 2 * index]));
    expect(all.map(({ size, labels }) => size - labels.length)).toEqual([0, 0, 0]);
  });
});
