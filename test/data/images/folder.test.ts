import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { listFolder } from '../../../src/data/images/folder.js';
import { splitListing } from '../../../src/data/images/split.js';
import { temporaryFolder } from '../../checkpoint/support.js';
import { errorOf } from '../../helpers/error-of.js';
import { broken } from './support.js';

/** Files of these names; nothing looks into them. */
function tree(...names: readonly string[]): string {
  const root = temporaryFolder();
  for (const name of names) broken(join(root, name));
  return root;
}

const listed = (root: string) => {
  const { classes, labels, source, given, leftAside, notes } = listFolder(root);
  const files = [...labels].map((label, i) => [source(i).path.slice(root.length + 1), classes[label]]);
  return { classes, files, given, leftAside: [...leftAside], notes };
};

describe('a folder of images', () => {
  it('of classes: sorted, folders within a class belong to it, hidden and other files are left aside', () => {
    const root = tree(
      'dog/b.JPG',
      'dog/a.png',
      'dog/more/deep/c.webp',
      'cat/x.tiff',
      'cat/y.heic',
      'cat/.x.png',
      'cat/notes',
      'readme.jpg',
    );
    expect(listed(root)).toEqual({
      classes: ['cat', 'dog'],
      files: [
        ['cat/x.tiff', 'cat'],
        ['dog/a.png', 'dog'],
        ['dog/b.JPG', 'dog'],
        ['dog/more/deep/c.webp', 'dog'],
      ],
      given: {},
      leftAside: [
        ['.jpg', 1],
        ['', 1],
        ['.heic', 1],
      ],
      notes: [],
    });
  });

  it.each([
    ['train', 'val', 'test'],
    ['training', 'Validation', 'testing'],
    ['Train', 'valid', 'Test'],
  ])('of the splits %s, %s and %s', (train, validation, test) => {
    const root = tree(
      `${train}/a/1.png`,
      `${train}/b/2.png`,
      `${validation}/b/3.png`,
      `${test}/a/4.png`,
      `${test}/b/5.png`,
    );
    const { classes, files, given, notes } = listed(root);
    expect(notes).toEqual([]);
    expect(classes).toEqual(['a', 'b']);
    const of = (places: Int32Array | undefined) => [...(places ?? [])].map(place => files[place]);
    expect(of(given.train)).toEqual([
      [`${train}/a/1.png`, 'a'],
      [`${train}/b/2.png`, 'b'],
    ]);
    expect(of(given.validation)).toEqual([[`${validation}/b/3.png`, 'b']]);
    expect(of(given.test)).toEqual([
      [`${test}/a/4.png`, 'a'],
      [`${test}/b/5.png`, 'b'],
    ]);
  });

  it('without classes in a set says so, and takes what the set lacks from training', () => {
    const root = tree(
      'train/a/1.png',
      'train/a/2.png',
      'train/b/3.png',
      'test/4.png',
      'test/5.png',
      'tset/a/6.png',
    );
    mkdirSync(join(root, 'val/a'), { recursive: true });
    const { files, given, notes } = listed(root);
    expect(files).toHaveLength(3);
    expect(Object.keys(given)).toEqual(['train']);
    expect(notes).toEqual([
      expect.stringMatching(/not taken: tset$/),
      expect.stringMatching(/val \(0 images, 1 folders\)/),
      expect.stringMatching(/test \(2 images, 0 folders\)/),
    ]);
    const { notes: told } = splitListing(listFolder(root), { validation: 0.3, test: 0.3, seed: 1 });
    expect(told.join('\n')).toMatch(/test \(2 images[^]*1 of its training images are taken for test/);
  });

  it.each([
    ['flat', ['train/1.png', 'test/2.png'], /train \(1 images, 0 folders\), test \(1 images/],
    [
      'only val and test',
      ['val/a/1.png', 'val/b/2.png', 'test/a/3.png'],
      /val \(0 images, 2 folders\), test/,
    ],
    ['only train, and flat', ['train/1.png'], /train \(1 images, 0 folders\)/],
    ['only test', ['test/a/1.png', 'test/b/1.png'], /test \(0 images, 2 folders\)/],
  ])('holds no classes to train on: %s', (_, names, given) => {
    const { message } = errorOf(() => listFolder(tree(...names)));
    expect(message).toMatch(/none to train on/);
    expect(message).toMatch(given);
    expect(message).toMatch(/ROOT\/train\/CLASS/);
  });

  it('leaves aside what lies in its sets and in no class', () => {
    const { leftAside } = listed(
      tree('train/a/1.png', 'train/b/2.png', 'train/x.png', 'val/a/3.png', 'val/y.png', 'z.png', 'z.tar'),
    );
    expect(leftAside).toEqual([
      ['.png', 3],
      ['.tar', 1],
    ]);
  });

  it('that holds archives is told where shards are looked for', () => {
    for (const names of [['train/0.tar', 'val/0.tar'], ['a/0.tar'], ['0.tar.gz'], ['0.tgz']]) {
      expect(errorOf(() => listFolder(tree(...names))).message).toMatch(
        /\.tar files of shards lie[^]*not compressed/,
      );
    }
    expect(errorOf(() => listFolder(tree('a/1.png'))).message).not.toMatch(/shards/);
  });

  it('with a class in two forms of Unicode is told so', () => {
    const name = 'dög';
    const both = tree(
      ...[name.normalize('NFC'), 'cat'].map(name => `train/${name}/1.png`),
      `val/${name.normalize('NFD')}/2.png`,
    );
    expect(errorOf(() => listFolder(both)).message).toMatch(/NFC or NFD/);
  });

  it('with two folders for one set is refused', () => {
    const twice = tree('train/a/1.png', 'train/b/2.png', 'val/a/3.png', 'validation/a/4.png');
    expect(errorOf(() => listFolder(twice)).message).toMatch(/validation set[^]*: val, validation/);
  });

  it('may have a class that is called as a set is', () => {
    expect(listed(tree('bus/1.png', 'car/2.png', 'train/3.png')).classes).toEqual(['bus', 'car', 'train']);
  });

  it('follows links, but not round in circles, and passes over those that lead nowhere', () => {
    const elsewhere = tree('x/1.png', 'x/2.png');
    const root = tree('a/0.png', 'b/3.png');
    symlinkSync(join(elsewhere, 'x'), join(root, 'a/linked'));
    symlinkSync(join(root, 'a'), join(root, 'a/again'));
    symlinkSync(join(root, 'nowhere.png'), join(root, 'b/lost.png'));
    expect(listed(root).files.map(([path]) => path)).toEqual([
      'a/0.png',
      'a/linked/1.png',
      'a/linked/2.png',
      'b/3.png',
    ]);
  });

  it('says what is wrong with it', () => {
    const missing = errorOf(() => listFolder('/nowhere/at/all'));
    expect(missing.message).toMatch(/does not exist/);
    const one = errorOf(() => listFolder(tree('cat/1.png', 'dog/2.bmp')));
    expect(one.message).toMatch(/two classes[^]*1 images in 2 folders; other files: 1 \.bmp[^]*\.webp/);
    const foreign = errorOf(() => listFolder(tree('train/cat/1.png', 'train/dog/1.png', 'val/cats/1.png')));
    expect(foreign.message).toMatch(/did you mean "cat"/);
    const untrained = errorOf(() =>
      listFolder(tree('train/cat/1.bmp', 'train/dog/1.bmp', 'val/cat/1.png', 'val/dog/1.png')),
    );
    expect(untrained.message).toMatch(
      /two classes to train on[^]*0 images in 2 folders; other files: 2 \.bmp/,
    );
  });
});
