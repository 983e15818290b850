/** Objects as comma-separated values (RFC 4180). */

export type Cell = string | number | boolean | null;

/** One line a row under a head of all keys; what is nested becomes `key.key`, the items of a list `key.1`, `key.2`, ... */
export function toCsv(rows: readonly object[]): string {
  const flat = rows.map(row => new Map(cells(row)));
  const head = [...new Set(flat.flatMap(row => [...row.keys()]))];
  return [head, ...flat.map(row => head.map(key => row.get(key) ?? ''))].map(csvLine).join('');
}

export function csvLine(cells: readonly Cell[]): string {
  return `${cells.map(quoted).join(',')}\r\n`;
}

function cells(value: object, prefix = ''): [string, Cell][] {
  const entries: [string, unknown][] = Array.isArray(value)
    ? value.map((item, i) => [String(i + 1), item])
    : Object.entries(value);
  return entries.flatMap(([key, item]): [string, Cell][] =>
    typeof item === 'object' && item !== null
      ? cells(item, `${prefix}${key}.`)
      : [[`${prefix}${key}`, item as Cell]],
  );
}

function quoted(cell: Cell): string {
  const text = String(cell ?? '');
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
