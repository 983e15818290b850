/** metrics.csv: one line an epoch, written as training goes and read by reports. */
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { didYouMean } from '../errors/did-you-mean.js';
import { RunError } from '../errors/index.js';
import { writeFileAtomically } from './atomic.js';
import { writingTo } from './file-errors.js';

export interface MetricDefinition {
  readonly description: string;
  /** E.g. `images/s`; absent where the metric has none. */
  readonly unit?: string;
}

/** The columns of a metrics file, in their order. */
export type MetricDefinitions = Readonly<Record<string, MetricDefinition>> & {
  /** Counted from 1; tells which lines a resumed run writes anew. */
  readonly epoch: MetricDefinition;
};

/** One line: the metrics that were measured in this epoch. */
export type MetricRow<M extends MetricDefinitions = MetricDefinitions> = {
  readonly [Name in keyof M]?: number;
} & { readonly epoch: number };

/** What `format` writes. */
const numberPattern = /^(?:-?\d+(?:\.\d+)?(?:e[+-]\d+)?|-?Infinity|NaN)$/;

/** The writing side of a metrics file; there may be one at a time. */
export class MetricsFile<M extends MetricDefinitions> {
  readonly #path: string;
  readonly #columns: readonly string[];

  /**
   * Opens the file at `path`, or creates it with a header of the names in `definitions`. A line that a killed process left
   * half-written is removed.
   *
   * @throws RunError where the file has other columns, or can't be written
   */
  constructor(path: string, definitions: M) {
    this.#path = path;
    this.#columns = Object.keys(definitions);
    const header = this.#columns.join(',');
    const lines = existsSync(path) ? completeLines(path) : [header];
    if (lines[0] !== header) {
      throw new RunError({
        problem: `${path} has other columns`,
        given: lines[0] ?? 'none',
        allowed: header,
      });
    }
    this.#replace(lines);
  }

  /** Appends one line, safe on the disk when this returns. Append an epoch's line before saving its checkpoint. */
  append(row: MetricRow<M>): void {
    const values = new Map(Object.entries(row));
    const undeclared = [...values.keys()].find(name => !this.#columns.includes(name));
    if (undeclared !== undefined) {
      throw new RunError({
        problem: `unknown metric${didYouMean(undeclared, this.#columns)}`,
        given: undeclared,
        allowed: this.#columns.join(', '),
      });
    }
    const line = this.#columns.map(name => format(values.get(name))).join(',');
    writingTo(this.#path, () => appendDurably(this.#path, `${line}\n`));
  }

  /** Removes the lines of epochs after `epoch`: those that a run resumed from there writes again. */
  truncateAfter(epoch: number): void {
    const at = this.#columns.indexOf('epoch');
    const [header = '', ...lines] = completeLines(this.#path);
    this.#replace([header, ...lines.filter(line => Number(line.split(',')[at]) <= epoch)]);
  }

  #replace(lines: readonly string[]): void {
    writeFileAtomically(this.#path, lines.map(line => `${line}\n`).join(''));
  }
}

/**
 * The lines of the metrics file at `path`, each with the metrics that were measured; a half-written last line is left out.
 *
 * @throws RunError where the file can't be read or is damaged
 */
export function readMetrics(path: string): MetricRow[] {
  const [header = '', ...lines] = completeLines(path);
  const columns = header.split(',');
  return lines.map((line, i) => parseRow(columns, line, `${path}, line ${i + 2}`));
}

function parseRow(columns: readonly string[], line: string, source: string): MetricRow {
  const cells = line.split(',');
  const entries = columns.map((name, i) => [name, cells[i] ?? ''] as const).filter(([, cell]) => cell !== '');
  const { epoch, ...measured } = Object.fromEntries(entries.map(([name, cell]) => [name, Number(cell)]));
  const legible = entries.every(([, cell]) => numberPattern.test(cell));
  if (!legible || epoch === undefined || cells.length !== columns.length) {
    throw new RunError({
      problem: `${source} is damaged`,
      given: line,
      allowed: `numbers for ${columns.join(', ')}`,
    });
  }
  return { epoch, ...measured };
}

/** The lines of the file at `path`, without the last where no newline ends it. */
function completeLines(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n').slice(0, -1);
  } catch (cause) {
    throw new RunError({ problem: 'the metrics cannot be read', given: path, mend: 'check the path', cause });
  }
}

/** The shortest text that `Number` reads back as the same number; empty where nothing was measured. */
function format(value: number | undefined): string {
  if (value === undefined) return '';
  return Object.is(value, -0) ? '-0' : String(value);
}

function appendDurably(path: string, text: string): void {
  const file = openSync(path, 'a');
  try {
    writeFileSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
