import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { DataConfig } from '../../src/data/config.js';
import type { DataReport } from '../../src/data/images/check.js';
import { openData } from '../../src/data/open.js';
import { integer, stream } from '../../src/random/index.js';
import { temporaryFolder } from '../checkpoint/support.js';
import { broken } from '../data/images/support.js';
import { idx } from '../data/support.js';
import { gfnet } from './support.js';

const folder = temporaryFolder();
const at = (name: string): string => join(folder, name);

/** A picture of a few soft blotches, another for each `seed`. */
async function photo(path: string, seed: string, width = 120, height = 90): Promise<void> {
  mkdirSync(join(path, '..'), { recursive: true });
  const random = stream(1, seed);
  const data = Uint8Array.from({ length: 108 }, () => integer(random, 256));
  const small = await sharp(data, { raw: { width: 6, height: 6, channels: 3 } })
    .png()
    .toBuffer();
  await sharp(small).resize(width, height, { fit: 'fill', kernel: 'cubic' }).toFile(path);
}

beforeAll(async () => {
  for (const name of ['cat', 'dog']) {
    for (let i = 0; i < 10; i++) await photo(at(`pets/train/${name}/${i}.jpg`), `${name} ${i}`);
    for (let i = 0; i < 3; i++) await photo(at(`pets/val/${name}/${i}.png`), `${name} val ${i}`, 80, 100);
    for (let i = 0; i < 3; i++) await photo(at(`pets/test/${name}/${i}.webp`), `${name} test ${i}`);
  }
  broken(at('pets/train/cat/notes.txt'));
});

const check = (...args: string[]): { code: number | null; report: DataReport } => {
  const { code, stdout, stderr } = gfnet(folder, 'data', 'check', ...args, '--json');
  expect(stderr).toBe('');
  return { code, report: JSON.parse(stdout) as DataReport };
};

describe('gfnet data check', () => {
  it('counts what is there, and has nothing against a good folder', () => {
    const { code, report } = check('pets');
    expect(code).toBe(0);
    expect(report).toMatchObject({
      classes: [
        { name: 'cat', train: 10, validation: 3, test: 3 },
        { name: 'dog', train: 10, validation: 3, test: 3 },
      ],
      imbalance: 1,
      width: [80, 120, 120],
      height: [90, 90, 100],
      formats: { jpeg: 20, png: 6, webp: 6 },
      leftAside: { '.txt': 1 },
      broken: [],
      duplicates: [],
      nearDuplicates: [],
      notCompared: 0,
      faults: [],
    });
  });

  it('names broken files, copies, leaks and labels that contradict each other, and fails', async () => {
    const whole = readFileSync(at('pets/train/cat/0.jpg'));
    writeFileSync(at('pets/train/cat/cut.jpg'), whole.subarray(0, whole.length - 200));
    broken(at('pets/test/dog/empty.png'), '');
    copyFileSync(at('pets/train/cat/1.jpg'), at('pets/train/cat/again.jpg'));
    copyFileSync(at('pets/train/cat/2.jpg'), at('pets/test/cat/leak.jpg'));
    copyFileSync(at('pets/train/cat/3.jpg'), at('pets/train/dog/cat.jpg'));
    // The same picture, smaller and compressed anew.
    await sharp(at('pets/train/dog/4.jpg'))
      .resize(60)
      .jpeg({ quality: 60 })
      .toFile(at('pets/val/dog/alike.jpg'));
    const { code, report } = check('pets');
    expect(code).toBe(2);
    expect(report.broken.map(({ file }) => file.slice(folder.length + 1))).toEqual([
      'pets/train/cat/cut.jpg',
      'pets/test/dog/empty.png',
    ]);
    const groups = report.duplicates.map(({ files, leak, conflict }) => [files.length, leak, conflict]);
    expect(groups.sort()).toEqual([
      [2, false, false],
      [2, false, true],
      [2, true, false],
    ]);
    expect(report.nearDuplicates.map(({ files }) => files)).toEqual([
      [at('pets/train/dog/4.jpg'), at('pets/val/dog/alike.jpg')],
    ]);
    expect(report.faults).toHaveLength(3);
    const { code: again, stdout } = gfnet(folder, 'data', 'check', 'pets');
    expect(again).toBe(2);
    expect(stdout).toMatch(/cut\.jpg: the image is damaged or cut off/);
    expect(stdout).toMatch(/leak\.jpg {2}IN TWO SETS/);
    expect(stdout).toMatch(/alike\.jpg {2}\d of 64 bits/);
    expect(stdout).toMatch(/to be mended: 2 broken files; 1 images are in two sets/);
  });

  it('tells a class without training images, and the imbalance of the others', async () => {
    for (const name of ['cat', 'dog']) await photo(at(`bare/train/${name}/0.jpg`), name);
    for (let i = 1; i < 20; i++) await photo(at(`bare/train/cat/${i}.jpg`), `bare ${i}`);
    await photo(at('bare/val/bird/0.jpg'), 'bird');
    mkdirSync(at('bare/train/bird'));
    const { code, report } = check('bare');
    expect([code, report.faults]).toEqual([2, ['1 classes have no image to train on']]);
    expect(report.imbalance).toBe(18);
    expect(gfnet(folder, 'data', 'check', 'bare').stdout).toMatch(
      /18\.0 times as many[^\n]* that has any \(1\)/,
    );
  });

  it('takes a manifest', () => {
    const lines = ['cat', 'dog'].flatMap(name => [
      ...Array.from({ length: 10 }, (_, i) => `pets/train/${name}/${i}.jpg,${name},train`),
      `pets/val/${name}/0.png,${name},val`,
      `pets/test/${name}/0.webp,${name},test`,
    ]);
    writeFileSync(at('pets.csv'), ['path,label,split', ...lines, ''].join('\n'));
    const { code, report } = check('pets.csv');
    expect(code).toBe(0);
    expect(report.classes).toEqual([
      { name: 'cat', train: 10, validation: 1, test: 1 },
      { name: 'dog', train: 10, validation: 1, test: 1 },
    ]);
  });

  it('wants image files', () => {
    expect(gfnet(folder, 'data', 'check').code).toBe(2);
    const { code, stderr } = gfnet(folder, 'data', 'check', 'nowhere');
    expect(code).toBe(2);
    expect(stderr).toMatch(/does not exist/);
  });
});

describe('gfnet data write', () => {
  const data = { kind: 'known-answer', train: 20, validation: 8, test: 6 };
  const config = JSON.stringify({ data });

  it('writes a data set out as a folder that holds the same images, and is good', async () => {
    writeFileSync(at('answers.json'), config);
    const { code, stdout } = gfnet(folder, 'data', 'write', '--config', 'answers.json', '--out', 'answers');
    expect([code, stdout]).toEqual([0, '34 images in answers\n']);
    expect(check('answers').report).toMatchObject({
      classes: [
        { name: 'anti-diagonal', train: 5, validation: 2, test: 1 },
        { name: 'diagonal', train: 5, validation: 2, test: 1 },
        { name: 'horizontal', train: 5, validation: 2, test: 2 },
        { name: 'vertical', train: 5, validation: 2, test: 2 },
      ],
      broken: [],
      duplicates: [],
    });
    const { test } = openData(DataConfig.parse(data));
    const pixels = new Float32Array(48 * 48);
    await test.read(Int32Array.of(5), 0, pixels, new Int32Array(1));
    const written = await sharp(at('answers/test/vertical/000005.png')).toColourspace('b-w').raw().toBuffer();
    expect([...written]).toEqual(Array.from(pixels, value => Math.round(255 * value)));
  });

  it('leaves nothing where it cannot finish, and takes no folder that holds something', () => {
    const again = gfnet(folder, 'data', 'write', '--config', 'answers.json', '--out', 'answers');
    expect([again.code, again.stderr]).toEqual([2, expect.stringMatching(/not empty/)]);
    writeFileSync(at('answers.json'), config);
    const file = gfnet(folder, 'data', 'write', '--config', 'answers.json', '--out', 'answers.json/images');
    expect([file.code, file.stderr]).toEqual([2, expect.stringMatching(/cannot write/)]);
    for (const name of ['train', 't10k']) {
      writeFileSync(at(`${name}-images-idx3-ubyte`), idx([20, 2, 2], new Uint8Array(80)));
      const labels = Array.from({ length: 20 }, (_, i) => i % 2);
      writeFileSync(at(`${name}-labels-idx1-ubyte`), idx([20], labels));
    }
    const named = { data: { kind: 'idx', classes: ['shoe', 'shirt/top'] } };
    writeFileSync(at('named.json'), JSON.stringify(named));
    const bad = gfnet(folder, 'data', 'write', '--config', 'named.json', '--out', 'bad');
    expect([bad.code, bad.stderr]).toEqual([2, expect.stringMatching(/no folder can have[^]*shirt\/top/)]);
    const mended = ['--set', 'data.classes=["shoe","shirt"]', '--out', 'good'];
    expect(gfnet(folder, 'data', 'write', '--config', 'named.json', ...mended).code).toBe(0);
    expect(readdirSync(folder).filter(name => /unfinished|gfnet-tmp|bad/.test(name))).toEqual([]);
  });
});
