import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { DataConfig } from '../../../src/data/config.js';
import { batches, inOrder } from '../../../src/data/loader.js';
import { openData } from '../../../src/data/open.js';
import { readSource } from '../../../src/data/images/read.js';
import { holdsShards, listShards } from '../../../src/data/images/shards.js';
import { temporaryFolder } from '../../checkpoint/support.js';
import { errorOf } from '../../helpers/error-of.js';
import { picture } from './support.js';

const folder = temporaryFolder();
const at = (...names: string[]): string => join(folder, ...names);
const long = `${'deep/'.repeat(40)}${'name'.repeat(30)}`;

/** Written by GNU tar, sorted, in each of its formats. */
function tar(shard: string, format: 'ustar' | 'gnu' | 'pax', source: string): void {
  mkdirSync(join(shard, '..'), { recursive: true });
  execFileSync('tar', ['--sort=name', `--format=${format}`, '-cf', shard, '-C', at(source), '.']);
}

beforeAll(async () => {
  for (const [part, label] of [
    ['train', '10'],
    ['train2', '9'],
    ['val', '9'],
  ] as const) {
    for (let i = 0; i < 4; i++) {
      await picture(at(part, 'x', `${i}.v1.png`), 10 * i + Number(label), { width: 8, height: 8 });
      writeFileSync(at(part, 'x', `${i}.cls`), `${label}\n`);
    }
  }
  const name = at('train2', `${long}.jpg`);
  await picture(name, 99, { width: 8, height: 8 });
  writeFileSync(name.replace('.jpg', '.json'), '{"label": 10}');
  tar(at('shards', 'train-0.tar'), 'ustar', 'train');
  tar(at('shards', 'train-1.tar'), 'pax', 'train2');
  tar(at('shards', 'val-0.tar'), 'gnu', 'val');
  tar(at('gnu', 'a.tar'), 'gnu', 'train2');
});

describe('shards', () => {
  it('list images and labels of tar files that tar wrote, long names too', () => {
    const { classes, labels, given, source } = listShards(at('shards'));
    expect(classes).toEqual(['10', '9']);
    expect([...labels].map(label => classes[label])).toEqual([
      ...['10', '10', '10', '10'],
      ...['10', '9', '9', '9', '9'],
      ...['9', '9', '9', '9'],
    ]);
    expect([given.train?.length, given.validation?.length, given.test]).toEqual([9, 4, undefined]);
    expect(source(4).stretch?.name).toBe(`./${long}.jpg`);
    expect(listShards(at('gnu')).source(0).stretch?.name).toBe(`./${long}.jpg`);
    for (const [i, file] of [
      [2, 'train/x/2.v1.png'],
      [4, `train2/${long}.jpg`],
      [12, 'val/x/3.v1.png'],
    ] as const)
      expect(Buffer.from(readSource(source(i)))).toEqual(readFileSync(at(file)));
  });

  it('of many windows, in which names have no letter of ASCII, are listed whole', async () => {
    const letters = 'ß漢ÿ'.repeat(11);
    const count = 300;
    await picture(at('many', 'a.png'), 7, { width: 40, height: 40 });
    const content = readFileSync(at('many', 'a.png'));
    rmSync(at('many', 'a.png'));
    for (let i = 0; i < count; i++) {
      writeFileSync(at('many', `${letters}${i}.png`), Buffer.concat([content, Buffer.alloc(37 * i)]));
      writeFileSync(at('many', `${letters}${i}.cls`), String(i % 3));
    }
    for (const format of ['ustar', 'gnu', 'pax'] as const) {
      tar(at(`many-${format}`, 'a.tar'), format, 'many');
      const { labels, source } = listShards(at(`many-${format}`));
      expect(labels).toHaveLength(count);
      for (const [place, label] of labels.entries()) {
        const { name = '', bytes } = source(place).stretch ?? {};
        const i = Number(/(\d+)\.png$/.exec(name)?.[1]);
        expect([name, bytes, label]).toEqual([`./${letters}${i}.png`, content.length + 37 * i, i % 3]);
      }
      expect(Buffer.from(readSource(source(count - 1))).subarray(0, content.length)).toEqual(content);
    }
  });

  it('are read as a data set', async () => {
    const config = DataConfig.parse({ kind: 'shards', folder: at('shards'), side: 8, channels: 1 });
    const { test, close } = openData(config, { decoders: 1 });
    const levels: number[] = [];
    for await (const batch of batches(test, {
      order: inOrder(test),
      batchSize: 9,
      epoch: 0,
      dropLast: false,
    }))
      for (let i = 0; i < batch.size; i++) levels.push(Math.round(255 * (batch.images[64 * i] ?? NaN)));
    expect(levels.sort()).toEqual([19, 29, 39, 9]);
    await close?.();
  });

  it('that are cut off are refused, or told where that cannot be known', () => {
    const archive = readFileSync(at('shards', 'train-0.tar'));
    const cut = (name: string, bytes: number): string => {
      mkdirSync(at(name));
      writeFileSync(at(name, 'whole.tar'), readFileSync(at('shards', 'train-1.tar')));
      writeFileSync(at(name, 'cut.tar'), archive.subarray(0, bytes));
      return at(name);
    };
    const { source } = listShards(at('shards'));
    const { start = 0, bytes = 0 } = source(2).stretch ?? {};
    const header = start - 512;
    const message = (name: string, size: number) => errorOf(() => listShards(cut(name, size))).message;
    expect(message('in-image', start + bytes - 1)).toMatch(
      /cut off[^]*cut\.tar: it ends after \d+ bytes, at [^]*2\.v1\.png/,
    );
    expect(message('in-header', header + 100)).toMatch(/cut off[^]*cut\.tar/);
    // The label comes before the image: a sample that is whole, and one of whose image nothing is left.
    expect(listShards(cut('between', header)).notes).toEqual([
      expect.stringMatching(/1 shards have no end[^]*: cut\.tar$/),
    ]);
    expect(listShards(at('shards')).notes).toEqual([]);
  });

  it('cut off between an image and its label are told to be cut off', async () => {
    await picture(at('late', '1.png'), 3);
    writeFileSync(at('late', '1.txt'), '9');
    tar(at('late-shards', 'a.tar'), 'ustar', 'late');
    const shard = at('late-shards', 'a.tar');
    const whole = readFileSync(shard);
    expect(errorOf(() => listShards(at('late-shards'))).message).toMatch(/no label/);
    truncateSync(shard, whole.indexOf('./1.txt'));
    expect(errorOf(() => listShards(at('late-shards'))).message).toMatch(/cut off[^]*1\.png/);
  });

  it('pass over hidden names, as macOS writes them', async () => {
    for (const i of [0, 1]) {
      await picture(at('mac', `${i}.png`), i);
      writeFileSync(at('mac', `${i}.cls`), String(i));
      for (const end of ['png', 'cls']) writeFileSync(at('mac', `._${i}.${end}`), 'Mac OS X');
    }
    mkdirSync(at('mac', '.hidden'));
    writeFileSync(at('mac', '.hidden', '2.png'), '');
    tar(at('mac-shards', 'A.TAR'), 'ustar', 'mac');
    writeFileSync(at('mac-shards', '._A.TAR'), 'Mac OS X');
    const { labels, source } = listShards(at('mac-shards'));
    expect([...labels].map((label, i) => [label, source(i).stretch?.name])).toEqual([
      [0, './0.png'],
      [1, './1.png'],
    ]);
  });

  it('are told from archives beside folders', () => {
    expect(holdsShards(at('shards'))).toBe(true);
    expect(holdsShards(at('many'))).toBe(false);
    mkdirSync(at('beside', 'cat'), { recursive: true });
    writeFileSync(at('beside', 'images.tar'), '');
    expect(holdsShards(at('beside'))).toBe(false);
    mkdirSync(at('capitals', '.cache'), { recursive: true });
    writeFileSync(at('capitals', 'TRAIN.TAR'), '');
    expect(holdsShards(at('capitals'))).toBe(true);
  });

  it('leave links aside, and say so', async () => {
    const [one, other, link] = ['0', '1', '2'].map(name => at('linked', name + 'x'.repeat(120))) as [
      string,
      string,
      string,
    ];
    await picture(`${one}.png`, 1);
    await picture(`${other}.png`, 2);
    linkSync(`${one}.png`, `${link}.png`);
    for (const [i, name] of [one, other, link].entries()) writeFileSync(`${name}.cls`, String(i % 2));
    for (const format of ['gnu', 'pax'] as const) {
      tar(at(`linked-${format}`, 'a.tar'), format, 'linked');
      const { labels, notes } = listShards(at(`linked-${format}`));
      expect(labels).toHaveLength(2);
      expect(notes).toEqual([expect.stringMatching(/1 images are links[^]*: a\.tar: \.\/2x+\.png$/)]);
    }
  });

  it('say what is wrong with them', async () => {
    const broken = (name: string): string => {
      mkdirSync(at(name));
      writeFileSync(at(name, 'a.tar'), readFileSync(at('shards', 'train-0.tar')));
      return at(name, 'a.tar');
    };
    const bytes = readFileSync(broken('altered'));
    bytes[520] = 1 + (bytes[520] ?? 0);
    writeFileSync(at('altered', 'a.tar'), bytes);
    expect(errorOf(() => listShards(at('altered'))).message).toMatch(
      /not a tar file, or is damaged[^]*byte 512/,
    );
    expect(errorOf(() => listShards(at('nowhere'))).message).toMatch(/0 \.tar files/);
    await picture(at('bare', '1.png'), 3);
    tar(at('unlabelled', 'a.tar'), 'pax', 'bare');
    expect(errorOf(() => listShards(at('unlabelled'))).message).toMatch(/no label[^]*1\.cls/);
  });
});
