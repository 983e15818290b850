/** Lists the images that a CSV file or a file of JSON lines names: path, label and, where it is told, split. */
import { readFileSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import Papa from 'papaparse';
import { DataError } from '../../errors/index.js';
import type { Part } from '../dataset.js';
import { parts } from '../dataset.js';
import type { Listing } from './listing.js';
import { sortedClasses } from './listing.js';

/** What the splits may be called. */
const splitNames: ReadonlyMap<string, Part> = new Map([
  ['train', 'train'],
  ['training', 'train'],
  ['val', 'validation'],
  ['valid', 'validation'],
  ['validation', 'validation'],
  ['test', 'test'],
  ['testing', 'test'],
]);

/** A row, as it was found. */
interface Row {
  readonly path: unknown;
  readonly label: unknown;
  readonly split: unknown;
}

/**
 * Paths are relative to the manifest's folder.
 * @throws DataError when the file cannot be read, or a line lacks something
 */
export function listManifest(file: string): Listing {
  const table = new Table(file);
  const text = readText(file);
  if (/\.(jsonl|ndjson)$/i.test(file)) readLines(text, table);
  else readCsv(text, table);
  return table.listing();
}

class Table {
  readonly #paths: string[] = [];
  readonly #labels: number[] = [];
  /** In the order in which they were met. */
  readonly #classes = new Map<string, number>();
  readonly #given: Partial<Record<Part, number[]>> = {};

  constructor(readonly file: string) {}

  add({ path, label, split }: Row, line: number): void {
    if (typeof path !== 'string' || path === '') throw this.fault('a line without a path', line);
    const name = typeof label === 'number' ? String(label) : label;
    if (typeof name !== 'string' || name === '') throw this.fault(`no label for ${path}`, line);
    const index = this.#classes.get(name) ?? this.#classes.size;
    this.#classes.set(name, index);
    const place = this.#paths.push(path) - 1;
    this.#labels.push(index);
    if (split === undefined || split === null || split === '') return;
    const part = typeof split === 'string' ? splitNames.get(split.toLowerCase()) : undefined;
    if (part === undefined) {
      throw this.fault(`unknown split ${JSON.stringify(split)}`, line, [...splitNames.keys()].join(', '));
    }
    (this.#given[part] ??= []).push(place);
  }

  fault(problem: string, line: number, allowed?: string): DataError {
    return new DataError({
      problem: `the manifest has ${problem}`,
      given: `${this.file}, line ${line}`,
      ...(allowed !== undefined && { allowed }),
      mend: 'a CSV file has a header line: path,label or path,label,split; JSON lines have these keys',
    });
  }

  listing(): Listing {
    const { file } = this;
    const folder = dirname(file);
    const paths = this.#paths;
    const classes = sortedClasses(this.#classes.keys());
    if (classes.length < 2) {
      throw new DataError({
        problem: 'the manifest has fewer than two classes',
        given: `${file}: ${paths.length} images, ${classes.length} classes`,
      });
    }
    const place = new Map(classes.map((name, i) => [name, i]));
    const labels = [...this.#classes.keys()].map(name => place.get(name) ?? 0);
    return {
      name: `manifest ${basename(file)}`,
      classes,
      labels: Int32Array.from(this.#labels, label => labels[label] ?? 0),
      source: index => ({ path: resolve(folder, paths[index] ?? '') }),
      given: Object.fromEntries(
        parts.flatMap(part => {
          const places = this.#given[part];
          return places ? [[part, Int32Array.from(places)]] : [];
        }),
      ),
      leftAside: new Map(),
      notes: [],
    };
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new DataError({
      problem: 'the manifest cannot be read',
      given: `${file}: ${cause instanceof Error ? cause.message : String(cause)}`,
      allowed: 'a CSV file, or a file of JSON lines that ends in .jsonl or .ndjson',
      cause,
    });
  }
}

function readCsv(text: string, table: Table): void {
  let columns: { path: number; label: number; split: number } | undefined;
  let line = 0;
  Papa.parse<string[]>(text, {
    delimiter: ',',
    step: ({ data: record, errors }) => {
      line++;
      const [error] = errors;
      if (error) throw table.fault(`a line that is no CSV (${error.message})`, line);
      if (record.length === 1 && record[0]?.trim() === '') return;
      if (columns) {
        const { path, label, split } = columns;
        table.add(
          { path: record[path]?.trim(), label: record[label]?.trim(), split: record[split]?.trim() },
          line,
        );
        return;
      }
      const names = record.map(name => name.trim().toLowerCase());
      columns = { path: names.indexOf('path'), label: names.indexOf('label'), split: names.indexOf('split') };
      if (columns.path < 0 || columns.label < 0) throw table.fault('no columns path and label', line);
    },
  });
}

function readLines(text: string, table: Table): void {
  let line = 0;
  for (let start = 0, end = 0; end >= 0; start = end + 1) {
    end = text.indexOf('\n', start);
    const content = text.slice(start, end < 0 ? undefined : end).trim();
    line++;
    if (content !== '') table.add(rowOf(content, line, table), line);
  }
}

function rowOf(content: string, line: number, table: Table): Row {
  try {
    const value: unknown = JSON.parse(content);
    if (typeof value === 'object' && value !== null)
      return { label: null, path: null, split: null, ...value };
  } catch {
    throw table.fault('a line that is not JSON', line);
  }
  throw table.fault('a line that is not a JSON object', line);
}
