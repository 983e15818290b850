/** Data sets of IDX files, plain or in clutter. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { DataError } from '../errors/index.js';
import { clutteredSplits } from './cluttered.js';
import type { IdxConfig, IdxFilesConfig } from './config.js';
import type { Part, Splits } from './dataset.js';
import type { Glyphs } from './glyphs.js';
import { take } from './glyphs.js';
import { readIdxPair } from './idx.js';
import { PlainGlyphs } from './plain.js';
import { stratifiedOrder } from './stratified.js';

/** @throws DataError when a file is missing or damaged, the files don't belong together, or hold too few pictures */
export function openIdx(config: IdxConfig): Splits {
  const glyphs = readGlyphs(config);
  const classes = classNames(config, glyphs);
  if (config.kind === 'cluttered-idx') {
    return clutteredSplits(`${config.kind}-${config.canvas}`, glyphs, classes, config);
  }
  const set = (part: Part): PlainGlyphs =>
    new PlainGlyphs(`${config.kind}/${part}`, glyphs[part], classes, config.canvas);
  return { train: set('train'), validation: set('validation'), test: set('test') };
}

function readGlyphs({
  folder,
  train,
  test,
  seed,
  validation,
}: IdxFilesConfig): Readonly<Record<Part, Glyphs>> {
  const learning = readSquares(folder, 'train', train);
  const reporting = readSquares(folder, 'test', test);
  if (learning.side !== reporting.side) {
    throw new DataError({
      problem: 'the pictures of the training and the test files differ in size',
      given: `${learning.side} x ${learning.side} and ${reporting.side} x ${reporting.side} pixels`,
      mend: 'give files of the same set in data.train and data.test',
    });
  }
  const count = learning.labels.length;
  const held = validation ?? Math.min(5000, Math.ceil(count / 10));
  if (held >= count) {
    throw new DataError({
      problem: 'validation leaves no picture to train on',
      given: `validation ${held}`,
      allowed: `fewer than the ${count} of the training files`,
      mend: 'make data.validation smaller, or give more pictures',
    });
  }
  const order = stratifiedOrder(learning.labels, seed, 'by index');
  return {
    train: take(learning, order.subarray(0, count - held)),
    validation: take(learning, order.subarray(count - held)),
    test: reporting,
  };
}

function readSquares(folder: string, key: 'train' | 'test', files: IdxFilesConfig['train']): Glyphs {
  const images = locate(folder, files.images, `data.${key}.images`);
  const labels = locate(folder, files.labels, `data.${key}.labels`);
  const { height, width, pixels, labels: classOf } = readIdxPair(images, labels);
  if (height !== width) {
    throw new DataError({
      problem: 'the pictures are not square',
      given: `${images}: ${height} x ${width} pixels`,
      allowed: 'as many rows as columns',
      mend: 'pad or crop the pictures to squares',
    });
  }
  return { side: height, pixels, labels: classOf };
}

function locate(folder: string, file: string, key: string): string {
  const path = resolve(folder, file);
  const found = [path, `${path}.gz`].find(candidate => existsSync(candidate));
  if (found !== undefined) return found;
  throw new DataError({
    problem: existsSync(folder) ? 'an IDX file is missing' : 'the folder of the IDX files does not exist',
    given: path,
    allowed: 'the path of a file, with .gz or without',
    mend: `correct data.folder, or ${key}`,
  });
}

function classNames(
  { classes }: IdxFilesConfig,
  { train, validation, test }: Readonly<Record<Part, Glyphs>>,
): readonly string[] {
  const present = [train, validation, test].flatMap(({ labels }) => [...new Set(labels)]);
  const count = Math.max(...present) + 1;
  if (classes === undefined) return Array.from({ length: count }, (_, label) => String(label));
  if (classes.length < count) {
    throw new DataError({
      problem: 'the files have more classes than there are names',
      given: `${classes.length} names`,
      allowed: `at least ${count}: one for each label from 0 to ${count - 1}`,
      mend: 'name every label in data.classes, or leave it out',
    });
  }
  return classes;
}
