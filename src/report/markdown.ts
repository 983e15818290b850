/** A table in Markdown. */
import type { Table } from './tables.js';

export function markdown({ title, head, rows }: Table): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [`${title}:`, '', line(head), line(head.map(() => '---')), ...rows.map(line)];
}
