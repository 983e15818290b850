import { describe, expect, it } from 'vitest';
import { loadCheckpoint } from '../../src/checkpoint/checkpoint.js';
import { openRun } from '../../src/checkpoint/run-folder.js';
import { availablePrecision } from '../../src/cli/precision.js';
import { temporaryFolder } from '../checkpoint/support.js';
import { weights } from '../training/support.js';
import { gfnet, writeConfig } from './support.js';

const told: string[] = [];
const tell = (notice: string): void => void told.push(notice);

describe('--precision', () => {
  it('takes bfloat16 where the processor has units for it', () => {
    for (const unit of ['avx512_bf16', 'amx_bf16'])
      expect(availablePrecision('bfloat16', ['avx2', unit], tell)).toBe('bfloat16');
    expect(told).toEqual([]);
  });

  it('says so and stays in float32 where it has none', () => {
    expect(availablePrecision('float32', ['avx2'], tell)).toBe('float32');
    expect(told).toEqual([]);
    expect(availablePrecision('bfloat16', ['avx2', 'avx512f'], tell)).toBe('float32');
    expect(told.splice(0)).toEqual([expect.stringMatching(/no units.*--set precision=bfloat16/)]);
  });

  it('is recorded; a run is resumed in its own', { timeout: 120_000 }, () => {
    const folder = temporaryFolder();
    const config = writeConfig(folder, 'tiny.json');
    const train = (out: string, ...more: string[]) =>
      gfnet(folder, 'train', 'static', '--config', config, '--out', `${folder}/${out}`, ...more);
    expect(train('wide').code).toBe(0);
    expect(train('narrow', '--set', 'precision=bfloat16').code).toBe(0);
    expect(openRun(`${folder}/wide`).config.precision).toBe('float32');
    expect(openRun(`${folder}/narrow`).config.precision).toBe('bfloat16');
    expect(weights(`${folder}/narrow`)).not.toEqual(weights(`${folder}/wide`));
    for (const { values } of loadCheckpoint(`${folder}/narrow`, 'last').tensors.values())
      expect(values.every(Number.isFinite)).toBe(true);
    const resumed = train('narrow', '--resume', '--precision', 'float32');
    expect(resumed.code).not.toBe(0);
    expect(resumed.stderr).toMatch(/precision = "float32"[\s\S]*precision = "bfloat16"/);
  });
});
