/** How numbers are written, the same in the terminal and in the report. */
import { always, never, type Mean, type Proportion } from '../evaluation/index.js';

/** A share as a percentage without its sign: 0.0123 -> `1.23`. */
export function percent(share: number, digits = 2): string {
  return (100 * share).toFixed(digits);
}

/** Error in % with its standard error: `1.23 ± 0.11`. */
export function errorRate({ accuracy, standardError }: Proportion): string {
  return `${percent(1 - accuracy)} ± ${percent(standardError)}`;
}

/** A difference of accuracies in points with its standard error: `0.12 ± 0.08`. */
export function points({ mean, standardError }: Mean): string {
  return `${percent(mean)} ± ${percent(standardError)}`;
}

const units = [
  { size: 1e9, name: 'G' },
  { size: 1e6, name: 'M' },
  { size: 1e3, name: 'k' },
];

/** Multi-Adds with three digits: 9_312_000 -> `9.31 M`. */
export function multiAdds(value: number): string {
  const unit = units.find(({ size }) => value >= size);
  return unit ? `${(value / unit.size).toPrecision(3)} ${unit.name}` : value.toPrecision(3);
}

/** A threshold, or the word for one that nobody or everybody reaches. */
export function threshold(value: number): string {
  if (value >= never) return 'never';
  if (value <= always) return 'always';
  return String(Number(value.toFixed(4)));
}

export function integer(value: number): string {
  return value.toLocaleString('en');
}

/** `2.31×`. */
export function times(value: number): string {
  return `${value.toFixed(2)}×`;
}

/** An interval of shares in %: `0.71 – 1.33`. */
export function interval([low, high]: readonly [number, number]): string {
  return `${percent(low)} – ${percent(high)}`;
}
