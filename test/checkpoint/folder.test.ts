import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { makeFolder, requireWritable } from '../../src/checkpoint/folder.js';
import { errorOf } from '../helpers/error-of.js';
import { temporaryFolder } from './support.js';

it('makes a folder with those it lies in, and leaves one that is there', () => {
  const folder = join(temporaryFolder(), 'a/b/c');
  makeFolder(folder);
  makeFolder(folder);
  expect(existsSync(folder)).toBe(true);
});

it('tells before it is made whether a folder can be', () => {
  const folder = join(temporaryFolder(), 'a/b/c');
  requireWritable(folder);
  expect(existsSync(folder)).toBe(false);
  makeFolder(folder);
  requireWritable(folder);
});

it('says that a file is in the way', () => {
  const file = join(temporaryFolder(), 'file');
  writeFileSync(file, '');
  for (const use of [makeFolder, requireWritable])
    expect(errorOf(() => use(join(file, 'a/b'))).message).toMatch(/a part of its path is a file/);
  expect(errorOf(() => requireWritable(file)).message).toMatch(/a part of its path is a file/);
});

it('says that a disk is read-only', ({ skip }) => {
  const disk = temporaryFolder();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16k,ro', 'tmpfs', disk], { stdio: 'ignore' });
  } catch {
    skip('a disk cannot be mounted here');
  }
  try {
    for (const use of [makeFolder, requireWritable]) {
      for (const path of ['run', 'runs/a/stage1'])
        expect(errorOf(() => use(join(disk, path))).message).toMatch(/the file system is read-only/);
    }
  } finally {
    execFileSync('umount', [disk]);
  }
});
