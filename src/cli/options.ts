/** What several commands' options are made of. */
import { availableParallelism } from 'node:os';
import { InvalidArgumentError, Option } from 'commander';
import { didYouMean } from '../errors/did-you-mean.js';
import type { Budget } from '../predict/budget.js';
import { parseBudget } from '../predict/budget.js';

export function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return text => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    const range = most === Number.MAX_SAFE_INTEGER ? `${least} or more` : `from ${least} to ${most}`;
    throw new InvalidArgumentError(`a whole number, ${range}`);
  };
}

/** More gain nothing, and soon the system gives no more. */
export const mostThreads = 16 * availableParallelism();

/** `28,40,60` -> sides in pixels, each once. */
export function sides(text: string): number[] {
  return [...new Set(text.split(',').map(wholeNumber(1)))];
}

/** For arguments and options with `choices`, of whose own message this is one, and which of them may have been meant. */
export function oneOf<T extends string>(names: readonly T[]): (text: string) => T {
  return text => {
    const found = names.find(name => name === text);
    if (found !== undefined) return found;
    throw new InvalidArgumentError(`Allowed choices are ${names.join(', ')}${didYouMean(text, names)}.`);
  };
}

export function positiveNumber(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError('a number above 0');
}

export function confidence(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value > 0 && value <= 1) return value;
  throw new InvalidArgumentError('a number above 0, up to 1');
}

export function share(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value > 0 && value < 1) return value;
  throw new InvalidArgumentError('a number between 0 and 1, e.g. 0.01');
}

const units: Readonly<Record<string, number>> = { d: 86400e3, h: 3600e3, m: 60e3, s: 1e3 };

/** `1h30m` -> milliseconds. */
export function duration(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)([dhms])/g)];
  const value = parts.reduce((sum, [, digits, unit = '']) => sum + Number(digits) * (units[unit] ?? 0), 0);
  if (parts.map(([part]) => part).join('') === text && value > 0) return value;
  throw new InvalidArgumentError('a time such as 2h, 90m or 1h30m');
}

export function budget(text: string): Budget {
  const parsed = parseBudget(text);
  if (parsed !== undefined) return parsed;
  throw new InvalidArgumentError('Multi-Adds such as 12M or 12000000, or milliseconds such as 8ms');
}

export const threadsOption = (): Option =>
  new Option('--threads <n>', 'threads to compute with (default: all cores)').argParser(
    wholeNumber(1, mostThreads),
  );

export const decodersOption = (): Option =>
  new Option('--decoders <n>', 'threads that decode image files (default: all cores, at most 4)').argParser(
    wholeNumber(1, mostThreads),
  );
