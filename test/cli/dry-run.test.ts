import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../checkpoint/support.js';
import { classFolders } from '../data/images/support.js';
import { gfnet, writeConfig } from './support.js';

const folder = temporaryFolder();
const leftovers = () => readdirSync(tmpdir()).filter(name => name.startsWith('gfnet-dry-run-'));

describe('gfnet train --dry-run', () => {
  it('takes a folder through all stages and keeps nothing', async () => {
    await classFolders(join(folder, 'images'), ['a', 'b'], 30);
    writeConfig(folder, 'tiny.json', {
      data: { kind: 'folder', folder: 'elsewhere', side: 40, channels: 1 },
    });
    const before = leftovers();
    const args = ['train', 'all', '--config', 'tiny.json', '--data', 'images', '--dry-run'];
    const { code, stdout, stderr } = gfnet(folder, ...args);
    expect(code, stderr).toBe(0);
    // 60 images less 6 and 6: three batches of 16.
    for (const [stage, epochs] of [
      ['stage1', 2],
      ['stage2', 2],
      ['stage3', 2],
      ['static', 1],
    ] as const) {
      expect(stdout).toMatch(new RegExp(`${stage} +\\d+\\.\\d\\d +3 +${epochs} +\\d+ s +[\\d ,]+ MiB`));
    }
    expect(stderr).toContain('6 of its images are taken for validation; 6 of its images are taken for test');
    expect(leftovers()).toEqual(before);
    expect(readdirSync(folder).sort()).toEqual(['images', 'tiny.json']);
  });

  it('tries one stage, and static networks of several input sizes', () => {
    const args = ['--preset', 'demo', '--dry-run', '--set', 'data.train=64', 'data.canvasesPerDigit=1'];
    const one = gfnet(folder, 'train', 'stage1', ...args);
    expect([one.code, one.stdout]).toEqual([0, expect.stringMatching(/stage1 +\d/) as string]);
    const several = gfnet(folder, 'train', 'static', ...args, '--inputs', '16,20,16');
    expect([several.code, several.stdout]).toEqual([
      0,
      expect.stringMatching(/static-16 +\d[^]*static-20 +\d/) as string,
    ]);
    expect(several.stdout.match(/static-16/g)).toHaveLength(1);
    const refused = gfnet(folder, 'train', 'stage1', ...args, '--inputs', '16');
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringContaining('train static --inputs') as string,
    ]);
  });

  it('times a batch without what comes before it, also where there are images for one alone', () => {
    const args = ['train', 'stage1', '--preset', 'demo', '--dry-run', '--set'];
    const started = performance.now();
    const { stdout } = gfnet(folder, ...args, 'data.train=32', 'data.canvasesPerDigit=1');
    const all = (performance.now() - started) / 1000;
    // To start and to compile the step takes far longer.
    expect(Number(/stage1 +(\d+\.\d\d) +1 /.exec(stdout)?.[1])).toBeLessThan(all / 3);
  });

  it('has no use for --out, and training has', () => {
    const tried = gfnet(folder, 'train', 'stage1', '--preset', 'demo', '--dry-run', '--out', 'x');
    expect([tried.code, tried.stderr]).toEqual([2, expect.stringContaining('keeps nothing') as string]);
    const trained = gfnet(folder, 'train', 'stage1', '--preset', 'demo');
    expect([trained.code, trained.stderr]).toEqual([2, expect.stringContaining('no --out') as string]);
  });
});
