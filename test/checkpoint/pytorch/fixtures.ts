/** The files that PyTorch wrote, and what they hold. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PyTorchValue } from '../../../src/checkpoint/pytorch/index.js';

const folder = join(import.meta.dirname, '../../fixtures/pytorch-files');

export function pytorchFile(name: string): Buffer {
  return readFileSync(join(folder, name));
}

/** As make.py tells it. */
type Told =
  | null
  | boolean
  | number
  | string
  | readonly Told[]
  | { readonly dictionary: readonly (readonly [string | number, Told])[] }
  | { readonly integer: string }
  | { readonly float: string }
  | { readonly tensor: string; readonly shape: readonly number[]; readonly values: readonly Told[] };

const expected = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as Record<string, Told>;

/** @param name of the value that was saved */
export function expectedValue(name: string): PyTorchValue {
  const told = expected[name];
  if (told === undefined) throw new RangeError(`no value is named ${name}`);
  return valueOf(told);
}

function valueOf(told: Told): PyTorchValue {
  if (told === null || typeof told !== 'object') return told;
  if (isList(told)) return told.map(valueOf);
  if ('dictionary' in told) return new Map(told.dictionary.map(([key, value]) => [key, valueOf(value)]));
  if ('integer' in told) return BigInt(told.integer);
  if ('float' in told) return floatOf(told.float);
  const values = told.values.map(value => Number(valueOf(value)));
  return told.tensor === 'float32'
    ? { dtype: 'float32', shape: told.shape, values: Float32Array.from(values) }
    : { dtype: 'int32', shape: told.shape, values: Int32Array.from(values) };
}

function isList(told: Told): told is readonly Told[] {
  return Array.isArray(told);
}

/** Python's inf, -inf and nan. */
function floatOf(text: string): number {
  return text === 'nan' ? NaN : text === 'inf' ? Infinity : -Infinity;
}
