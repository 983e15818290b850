import { appendFileSync, existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MetricsFile, readMetrics } from '../../src/checkpoint/metrics.js';
import { RunError } from '../../src/errors/index.js';
import { errorOf } from '../helpers/error-of.js';
import { temporaryFolder } from './support.js';

const definitions = {
  epoch: { description: 'Epochs finished' },
  loss: { description: 'Mean training loss of the epoch' },
  speed: { description: 'Training images a second', unit: 'images/s' },
};
const metricsPath = () => join(temporaryFolder(), 'metrics.csv');

function refusal(action: () => unknown): string {
  const error = errorOf(action);
  expect(error).toBeInstanceOf(RunError);
  return error.message;
}

describe('a metrics file', () => {
  it('is CSV with a header, and an empty cell for what was not measured', () => {
    const path = metricsPath();
    const file = new MetricsFile(path, definitions);
    file.append({ epoch: 1, loss: 2.5 });
    file.append({ speed: 1e21, epoch: 2, loss: -0 });
    expect(readFileSync(path, 'utf8')).toBe('epoch,loss,speed\n1,2.5,\n2,-0,1e+21\n');
    expect(readMetrics(path)).toEqual([
      { epoch: 1, loss: 2.5 },
      { epoch: 2, loss: -0, speed: 1e21 },
    ]);
  });

  it('gives back every number exactly', () => {
    const path = metricsPath();
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.double(), fc.double()), { maxLength: 4 }), pairs => {
        const file = new MetricsFile(path, definitions);
        file.truncateAfter(0);
        const rows = pairs.map(([loss, speed], i) => ({ epoch: i + 1, loss, speed }));
        for (const row of rows) file.append(row);
        expect(readMetrics(path)).toEqual(rows);
      }),
      { numRuns: 30 },
    );
  });

  it('of a run that was killed anywhere and resumed equals that of one that was not', () => {
    const path = metricsPath();
    const rows = [1, 2, 3].map(epoch => ({ epoch, loss: 1 / epoch, speed: 100 * epoch }));
    const write = (after: number) => {
      const file = new MetricsFile(path, definitions);
      file.truncateAfter(after);
      for (const row of rows.slice(after)) file.append(row);
      return readFileSync(path, 'utf8');
    };
    const whole = write(0);
    const headerEnd = whole.indexOf('\n') + 1;
    for (let length = headerEnd; length <= whole.length; length++) {
      truncateSync(path, length);
      const complete = whole.slice(headerEnd, length).split('\n').length - 1;
      expect(readMetrics(path)).toEqual(rows.slice(0, complete));
      for (const checkpoint of new Set([complete, Math.max(0, complete - 1)]))
        expect(write(checkpoint)).toBe(whole);
    }
  });

  it('loses a half-written line when it is opened to write, not when it is read', () => {
    const path = metricsPath();
    new MetricsFile(path, definitions).append({ epoch: 1 });
    appendFileSync(path, '2,0.');
    expect(readMetrics(path)).toEqual([{ epoch: 1 }]);
    expect(readFileSync(path, 'utf8')).toMatch(/2,0\.$/);
    new MetricsFile(path, definitions).append({ epoch: 2, loss: 1 });
    expect(readFileSync(path, 'utf8')).toBe('epoch,loss,speed\n1,,\n2,1,\n');
  });

  it('refuses other columns, and metrics that are not among them', () => {
    const path = metricsPath();
    const file = new MetricsFile(path, definitions);
    const { speed, ...fewer } = definitions;
    expect(refusal(() => new MetricsFile(path, fewer))).toMatch(
      /other columns\n.*epoch,loss,speed\n.*epoch,loss$/,
    );
    const row: Record<string, number> & { epoch: number } = { epoch: 1, los: 2 };
    expect(refusal(() => file.append(row))).toMatch(/did you mean "loss".*\n.*los\n/);
    expect(speed.unit).toBe('images/s');
    expect(readMetrics(path)).toEqual([]);
  });

  it('refuses to be read where it is missing or damaged, naming the line', () => {
    const path = metricsPath();
    expect(refusal(() => readMetrics(path))).toMatch(/cannot be read\n.*metrics\.csv/);
    expect(existsSync(path)).toBe(false);
    for (const line of ['2,x,3', '2,3', '2,3,4,5', ',3,4', '0x10,3,4', ' ,3,4']) {
      writeFileSync(path, `epoch,loss,speed\n1,2,3\n${line}\n3,4,5\n`);
      expect(refusal(() => readMetrics(path))).toMatch(/metrics\.csv, line 3 is damaged/);
    }
  });

  it('that cannot be written says why', () => {
    const file = join(temporaryFolder(), 'file');
    writeFileSync(file, '');
    expect(refusal(() => new MetricsFile(join(file, 'metrics.csv'), definitions))).toMatch(
      /part of its path is a file/,
    );
  });
});
