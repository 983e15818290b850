/** An evaluation in the terminal: aligned tables and what early exit saves. */
import type { Results } from '../evaluation/index.js';
import { integer } from './format.js';
import { latencyTable } from './latency.js';
import { summary } from './summary.js';
import {
  budgetsTable,
  calibrationTable,
  commonThresholdsTable,
  criteriaTable,
  guaranteesTable,
  perClassTable,
  policiesTable,
  robustnessTable,
  staticsTable,
  stepsTable,
  type Table,
} from './tables.js';

/** The whole evaluation as plain text, ending in a line break. */
export function renderTerminal(results: Results): string {
  const { model, test } = results;
  const tables = [
    stepsTable,
    policiesTable,
    staticsTable,
    budgetsTable,
    commonThresholdsTable,
    guaranteesTable,
    calibrationTable,
    criteriaTable,
    perClassTable,
  ].map(table => table(results));
  if (results.latency) tables.push(latencyTable(results.latency));
  if (results.robustness) tables.push(robustnessTable(results.robustness));
  return [
    `${model.name} on ${test.name}: ${integer(test.images)} images of ${integer(test.sources)} sources, ± standard error\n`,
    ...tables.filter(({ rows }) => rows.length > 0).map(renderTable),
    ...summary(results),
    '',
  ].join('\n');
}

/** Title, head and rows in aligned columns, numbers to the right, ending in a line break. */
export function renderTable({ title, head, rows }: Table): string {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map(row => (row[column] ?? '').length)));
  const right = head.map((_, column) => column > 0 && rows.some(row => /^\d/.test(row[column] ?? '')));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) =>
        right[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd();
  return [title, ...[head, ...rows].map(row => `  ${line(row)}`), ''].join('\n');
}
