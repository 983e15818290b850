import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { EventsWriter } from '../../src/checkpoint/events.js';
import { startEngine } from '../../src/engine/start.js';
import { RunError } from '../../src/errors/index.js';
import { crc32c, readEvents } from './event-reader.js';
import { errorOf } from '../helpers/error-of.js';
import { temporaryFolder } from './support.js';

beforeAll(() => startEngine());

const rows = [1, 2, 3].map(epoch => ({ epoch, loss: 2 / epoch, train1: 0.25 * epoch }));

function expected(written: typeof rows) {
  return written.flatMap(({ epoch, loss, train1 }) => [
    { step: epoch, tag: 'loss', value: Math.fround(loss) },
    { step: epoch, tag: 'train1', value: train1 },
  ]);
}

it('the reader’s checksum is CRC-32C', () => {
  // The check value of the Rocksoft catalogue of CRCs.
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
});

describe('events', () => {
  it('hold one scalar for each metric and epoch, each epoch as soon as it is written', () => {
    const folder = join(temporaryFolder(), 'tensorboard');
    const writer = new EventsWriter(folder, []);
    for (const [i, row] of rows.entries()) {
      writer.append(row);
      expect(readEvents(folder)).toEqual(expected(rows.slice(0, i + 1)));
    }
    writer.close();
    expect(readEvents(folder)).toEqual(expected(rows));
  });

  it('leave out what was not measured, and keep what is not finite', () => {
    const folder = temporaryFolder();
    const writer = new EventsWriter(folder, [{ epoch: 1, loss: NaN }]);
    writer.close();
    expect(readEvents(folder)).toEqual([{ step: 1, tag: 'loss', value: NaN }]);
  });

  it('of a resumed run hold each step once; other files stay', () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'notes.txt'), 'mine');
    const first = new EventsWriter(folder, []);
    first.append(rows[0] ?? expect.fail());
    // Not saved in a checkpoint: taken back.
    first.append({ epoch: 2, loss: 99 });
    first.close();
    const second = new EventsWriter(folder, rows.slice(0, 1));
    for (const row of rows.slice(1)) second.append(row);
    expect(readEvents(folder)).toEqual(expected(rows));
    second.close();
    expect(readFileSync(join(folder, 'notes.txt'), 'utf8')).toBe('mine');
  });

  it('leave no tensor behind', () => {
    const folder = temporaryFolder();
    const before = tf.memory().numTensors;
    for (let run = 0; run < 3; run++) {
      const writer = new EventsWriter(folder, rows);
      for (let epoch = 4; epoch < 50; epoch++) writer.append({ epoch, loss: 1 });
      writer.close();
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  it('that cannot be written say why', () => {
    const file = join(temporaryFolder(), 'file');
    writeFileSync(file, '');
    const error = errorOf(() => new EventsWriter(join(file, 'tensorboard'), []));
    expect(error).toBeInstanceOf(RunError);
    expect(error.message).toMatch(/part of its path is a file/);
  });
});
