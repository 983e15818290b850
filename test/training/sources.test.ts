import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import Papa from 'papaparse';
import { beforeAll, describe, expect, it } from 'vitest';
import { freePorts } from '../../src/cli/local-workers.js';
import { temporaryFolder } from '../checkpoint/support.js';
import { launcher, writeConfig } from '../cli/support.js';
import { picture } from '../data/images/support.js';
import { tiny, weights } from './support.js';

const folder = temporaryFolder();
const epochs = 2;
const parts = [
  ['train', 32],
  ['val', 11],
  ['test', 4],
] as const;

beforeAll(async () => {
  const lines: string[] = [];
  for (const [part, count] of parts) {
    for (let i = 0; i < count; i++) {
      const path = join('images', part, `${100 + i}.png`);
      const label = i % 2;
      const colour = [label ? 40 : 200, 5 * i, label ? 200 : 40] as const;
      await picture(join(folder, path), colour, { width: 40 + (i % 5), height: 44 - (i % 3) });
      writeFileSync(join(folder, path.replace('.png', '.cls')), String(label));
      lines.push(JSON.stringify({ path, label: String(label), split: part }));
    }
    mkdirSync(join(folder, 'tar'), { recursive: true });
    const shard = join(folder, 'tar', `${part}-0.tar`);
    execFileSync('tar', ['--sort=name', '-cf', shard, '-C', join(folder, 'images', part), '.']);
  }
  writeFileSync(join(folder, 'images.jsonl'), lines.join('\n'));
  // Each image is then computed the same whoever else is in its batch.
  const settings = { static: { ...tiny.static, freeze: ['*.bn'] } };
  const data = { side: 40, augment: { brightness: 0.2 } };
  const manifest = { ...data, kind: 'manifest', file: join(folder, 'images.jsonl') };
  writeConfig(folder, 'manifest.json', { ...settings, data: manifest });
  const shards = { ...data, kind: 'shards', folder: join(folder, 'tar') };
  writeConfig(folder, 'shards.json', { ...settings, data: shards });
});

async function train(config: string, out: string, env: NodeJS.ProcessEnv = {}): Promise<void> {
  const given = ['--config', config, '--epochs', String(epochs), '--out', out, '--threads', '1'];
  const child = spawn(process.execPath, [launcher, 'train', 'static', ...given], {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: 120_000,
  });
  const [said, end] = await Promise.all([text(child.stderr), once(child, 'close')]);
  expect(end, said).toEqual([0, null]);
}

type Row = Record<string, number>;

function metrics(out: string): Row[] {
  const csv = readFileSync(join(folder, out, 'metrics.csv'), 'utf8');
  return Papa.parse<Row>(csv.trim(), { header: true, dynamicTyping: true }).data;
}

describe('training from the command line', () => {
  it('learns the same from a manifest and from shards, for as many epochs as it is told', async () => {
    await train('manifest.json', 'manifest');
    await train('shards.json', 'shards');
    expect(metrics('manifest')).toHaveLength(epochs);
    expect(metrics('shards')).toEqual(metrics('manifest'));
    expect(weights(join(folder, 'shards'))).toEqual(weights(join(folder, 'manifest')));
  }, 120_000);

  it('by the workers that TF_CONFIG names validates as one process does', async () => {
    const cluster = { worker: (await freePorts(2)).map(port => `127.0.0.1:${port}`) };
    const told = (index: number): NodeJS.ProcessEnv => ({
      TF_CONFIG: JSON.stringify({ cluster, task: { type: 'worker', index } }),
    });
    await Promise.all([0, 1].map(index => train('manifest.json', 'together', told(index))));
    const [together, alone] = [metrics('together'), metrics('manifest')];
    expect(together).toHaveLength(epochs);
    together.forEach((row, i) => {
      const { loss = NaN, ...counted } = row;
      const { loss: expected = NaN, ...others } = alone[i] ?? {};
      expect(Object.keys(counted)).toEqual(['epoch', 'train1', 'validation1']);
      expect(counted).toEqual(others);
      expect(Math.abs(loss / expected - 1)).toBeLessThan(1e-5);
    });
  }, 120_000);
});
