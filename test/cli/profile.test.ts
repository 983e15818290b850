import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Profile } from '../../src/model/profile.js';
import { gruMultiAdds, smallMultiAdds } from '../helpers/multi-adds.js';
import { gfnet, writeConfig } from './support.js';

const folder = mkdtempSync(join(tmpdir(), 'gfnet-profile-'));
afterAll(() => rmSync(folder, { recursive: true }));

const model = join(import.meta.dirname, '../../checkpoints/cluttered-60');
const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

function run(...args: string[]): string {
  const { code, stdout, stderr } = gfnet(folder, 'profile', ...args);
  expect(code, stderr).toBe(0);
  return stdout;
}

describe('gfnet profile', () => {
  it('counts a configuration’s Multi-Adds by the formulas: by step, network and kind of layer', () => {
    const config = writeConfig(folder, 'tiny.json');
    const profile = JSON.parse(run('--config', config, '--batch', '3', '--json')) as Profile;
    const [patch, width, hidden, classes, looks] = [20, 6, 8, 10, 3];
    const encoder = smallMultiAdds([4, width], patch, 1);
    const classifierGru = gruMultiAdds(width, hidden);
    const places = (patch / 2) ** 2;
    const squeeze = places * width * 32;
    const state = places * 32 * hidden;
    const policyGru = gruMultiAdds(hidden, hidden);
    const decisions = hidden * 2 + hidden;
    const policy = squeeze + state + policyGru + decisions;
    const classifier = classifierGru + hidden * classes;

    expect(profile.steps.map(({ parts }) => parts)).toEqual([
      { global: encoder, local: 0, policy: 0, classifier },
      ...[2, 3].map(() => ({ global: 0, local: encoder, policy, classifier })),
    ]);
    for (const { multiAdds, parts } of profile.steps) expect(multiAdds).toBe(total(Object.values(parts)));
    expect(Object.fromEntries(profile.networks.map(({ name, multiAdds }) => [name, multiAdds]))).toEqual({
      global: encoder,
      local: (looks - 1) * encoder,
      policy: (looks - 1) * policy,
      classifier: looks * classifier,
    });
    expect(Object.fromEntries(profile.kinds.map(({ kind, multiAdds }) => [kind, multiAdds]))).toEqual({
      convolution: looks * encoder + (looks - 1) * squeeze,
      linear: looks * hidden * classes + (looks - 1) * (state + decisions),
      gru: looks * classifierGru + (looks - 1) * policyGru,
    });
    expect(profile.batch).toBe(3);
    expect(profile.rounds).toBeGreaterThanOrEqual(5);
    for (const { peakBytes, time } of profile.steps) {
      // The stem's output, and the first convolution's of the block that reads it.
      expect(peakBytes).toBeGreaterThanOrEqual(3 * 2 * patch ** 2 * 4 * 4);
      expect(time.lowerQuartile).toBeLessThanOrEqual(time.median);
      expect(time.median).toBeLessThanOrEqual(time.upperQuartile);
    }
  });

  it('prints tables of a model that fit 100 columns', () => {
    const text = run(model);
    expect(Math.max(...text.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(100);
    // As the README has it.
    expect(text).toMatch(/1, glance +9\.29 M/);
    expect(text).toMatch(/\n {2}4 +9\.87 M/);
    expect(text).toMatch(/policy +530,179/);
  });

  it('takes a preset with what a file and --set change of it', () => {
    const data = join(folder, 'data.json');
    writeFileSync(data, JSON.stringify({ data: { kind: 'known-answer', side: 224, patch: 32 } }));
    const preset = ['--preset', 'gfnet-mobilenetv3_large_100-96-t3', '--config', data];
    const profile = JSON.parse(run(...preset, '--set', 'network.patch=64', '--json')) as Profile & {
      network: { patch: number; side: number; encoder: { name: string } };
    };
    expect(profile.network).toMatchObject({
      patch: 64,
      side: 224,
      encoder: { name: 'mobilenetv3_large_100' },
    });
    expect(profile.steps).toHaveLength(3);
  });

  it('takes a configuration without data to be for ImageNet', () => {
    const profile = JSON.parse(run('--preset', 'gfnet-mobilenetv3_large_100-96-t3', '--json')) as Profile & {
      network: { side: number; channels: number; classes: string[] };
    };
    expect(profile.network).toMatchObject({ side: 224, channels: 3 });
    expect(profile.network.classes).toHaveLength(1000);
  });

  it.each([
    ['no network', [], /a run; or --preset NAME, --config FILE or both/],
    ['two networks', [model, '--preset', 'demo'], /a profile is of one network/],
    ['a run with other settings', [model, '--set', 'network.steps=2'], /a profile is of one network/],
    ['an unknown preset', ['--preset', 'dmo'], /did you mean "demo"/],
    ['an empty batch', [model, '--batch', '0'], /whole number, 1 or more/],
    ['a run that is none', ['nowhere'], /nowhere/],
  ])('refuses %s', (_, args, message) => {
    const { code, stderr } = gfnet(folder, 'profile', ...args);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });
});
