import { closest, distance } from 'fastest-levenshtein';

/** ` (did you mean "resnet50"?)` when one of `options` is near `given`, else an empty string. */
export function didYouMean(given: string, options: readonly string[]): string {
  if (options.length === 0) return '';
  const best = closest(given, options);
  return distance(given, best) <= Math.max(2, Math.floor(best.length / 3))
    ? ` (did you mean "${best}"?)`
    : '';
}
