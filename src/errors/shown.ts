/** What a caller without types gave, as messages show it: numbers and texts themselves, of objects their kind. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  return value === null || typeof value !== 'object'
    ? String(value)
    : Object.prototype.toString.call(value).slice('[object '.length, -1);
}
