import { closest, distance } from 'fastest-levenshtein';
import { UsageError } from './index.js';

/** ` (did you mean "resnet50"?)` when one of `options` is near `given`, else an empty string. */
export function didYouMean(given: string, options: readonly string[]): string {
  if (options.length === 0) return '';
  const best = closest(given, options);
  return distance(given, best) <= Math.max(2, Math.floor(best.length / 3))
    ? ` (did you mean "${best}"?)`
    : '';
}

/** What a user is told of a `what`, e.g. `network`, by a name that none of `names` is. */
export function unknownName(what: string, given: string, names: readonly string[]): UsageError {
  return new UsageError({
    problem: `unknown ${what}${didYouMean(given, names)}`,
    given,
    allowed: names.join(', '),
  });
}

/** What a schema says of a choice by `key` that is missing or none of `options`: for zod's `error`. */
export function unknownChoice(
  what: string,
  key: string,
  options: readonly string[],
): (issue: { readonly code?: string | undefined; readonly input?: unknown }) => string | undefined {
  return ({ code, input }) => {
    if (input === undefined) return `no ${what}: its ${key} is one of ${options.join(', ')}`;
    if (code !== 'invalid_union' || typeof input !== 'object' || input === null) return undefined;
    const given: unknown = Reflect.get(input, key);
    const hint = typeof given === 'string' ? didYouMean(given, options) : '';
    return `unknown ${what} ${JSON.stringify(given)}${hint}; allowed: ${options.join(', ')}`;
  };
}
