import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { networks } from '../../src/encoders/registry.js';
import { gfnet } from './support.js';

const Counted = z.object({ parameters: z.number(), multiAdds: z.record(z.string(), z.number()) });
const Entry = Counted.extend({
  name: z.string(),
  paper: z.strictObject({ citation: z.string(), arxiv: z.string().regex(/^\d{4}\.\d{5}$/) }),
  weights: z.array(
    z.looseObject({ name: z.string(), licence: z.string(), preprocessing: z.looseObject({}) }),
  ),
});
/** PyTorch's counts. */
const { encoders } = z
  .object({ encoders: z.record(z.string(), Counted) })
  .parse(JSON.parse(readFileSync(join(import.meta.dirname, '../fixtures/pytorch/encoders.json'), 'utf8')));

function run(...args: string[]): string {
  const { code, stdout, stderr } = gfnet(tmpdir(), 'models', ...args);
  expect(code, stderr).toBe(0);
  return stdout;
}

describe('gfnet models', () => {
  let listed: readonly z.infer<typeof Entry>[];
  beforeAll(() => {
    listed = z.array(Entry).parse(JSON.parse(run('--json')));
  });

  it('lists every network, with PyTorch’s counts where PyTorch has it', () => {
    expect(listed.map(({ name }) => name)).toEqual([...networks.keys()]);
    const counted = listed.map(({ name, parameters, multiAdds }) => [name, { parameters, multiAdds }]);
    expect(Object.fromEntries(counted)).toMatchObject(encoders);
  });

  it('prints tables of at most 100 columns that hold every network, weights and licence', () => {
    const lines = run().split('\n');
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(100);
    for (const { name, weights } of listed) {
      expect(lines.filter(line => line.startsWith(`  ${name} `))).toHaveLength(1);
      for (const { name, licence } of weights) {
        expect(lines.filter(line => line.includes(` ${name} `) && line.includes(licence))).toHaveLength(1);
      }
    }
  });

  it('shows one in detail', () => {
    const text = run('resnet50');
    for (const part of [
      '25,557,032',
      '4.09 G (224 px)',
      'arxiv.org/abs/1512.03385',
      'torchvision ResNet50_Weights.IMAGENET1K_V2, BSD-3-Clause',
      'resize 232 (bilinear), crop 224 (ratio 0.966), mean 0.485 0.456 0.406, std 0.229 0.224 0.225',
    ]) {
      expect(text).toContain(part);
    }
    expect(Entry.parse(JSON.parse(run('resnet50', '--json')))).toEqual(
      listed.find(({ name }) => name === 'resnet50'),
    );
  });

  it('refuses an unknown name with the one that was meant', () => {
    const { code, stderr } = gfnet(tmpdir(), 'models', 'resnet5');
    expect(stderr).toMatch(/unknown network \(did you mean "resnet50"\?\)/);
    expect(stderr).toContain('efficientnet_b3');
    expect(code).toBe(2);
  });
});
