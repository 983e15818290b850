import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { networks } from '../../src/encoders/registry.js';

const published = z
  .record(z.enum(['torchvision', 'timm']), z.record(z.string(), z.unknown()))
  .parse(
    JSON.parse(readFileSync(join(import.meta.dirname, '../fixtures/pytorch/preprocessing.json'), 'utf8')),
  );

const all = [...networks].flatMap(([network, { weights }]) => weights.map(entry => ({ network, ...entry })));

it.each(['torchvision', 'timm'] as const)(
  'weights of %s: all those that fit an encoder, prepared for and licensed as it says',
  publisher => {
    const ours = all
      .filter(entry => entry.publisher === publisher)
      .map(({ name, preprocessing, licence }) => [
        name,
        { ...preprocessing, licence: licence.toLowerCase() },
      ]);
    expect(Object.fromEntries(ours)).toEqual(published[publisher]);
  },
);

it('weights of the authors: the image size and crop ratio of their configs.py', () => {
  const usual = { side: 224, ratio: 0.875, interpolation: 'bilinear' };
  const others: Readonly<Record<string, typeof usual>> = {
    efficientnet_b2: { side: 260, ratio: 0.875, interpolation: 'bicubic' },
    efficientnet_b3: { side: 300, ratio: 0.904, interpolation: 'bicubic' },
  };
  const ours = all.filter(({ publisher }) => publisher === 'GFNet');
  expect(ours).toHaveLength(14);
  for (const { network, preprocessing, licence } of ours) {
    const { side, ratio, interpolation } = others[network] ?? usual;
    expect(preprocessing).toMatchObject({ resize: Math.floor(side / ratio), side, interpolation });
    expect(licence).toBe('Apache-2.0');
  }
});
