/** What an image may cost on average, in Multi-Adds or in time. */
import type { OperatingPoint } from '../evaluation/exits.js';
import type { Valued } from '../evaluation/fit.js';
import { fitBudget, fitTime } from '../evaluation/fit.js';
import type { Promised } from '../evaluation/risk.js';

/** Mean for one image: Multi-Adds, or milliseconds that its steps take by themselves on this machine. */
export type Budget = number | { readonly milliseconds: number };

/** How thresholds are chosen: within a budget, or so that little is lost. */
export type ThresholdRule =
  | { readonly budget: number }
  /** Mean milliseconds for one image, where each step takes so many of them. */
  | { readonly budget: { readonly milliseconds: number }; readonly times: readonly number[] }
  | Promised;

/** The thresholds expected to be most accurate within a budget. @throws UsageError when not even the glance fits it */
export function withinBudget(
  choices: readonly (Valued & Pick<OperatingPoint, 'thresholds' | 'meanMultiAdds' | 'exitShares'>)[],
  rule: Exclude<ThresholdRule, Promised>,
): readonly number[] {
  const choice =
    'times' in rule
      ? fitTime(choices, rule.budget.milliseconds, rule.times)
      : fitBudget(choices, rule.budget);
  return choice.thresholds;
}

const multiples: Readonly<Record<string, number>> = { '': 1, K: 1e3, M: 1e6, G: 1e9 };

/** `12M`, `12e6` -> Multi-Adds, `8ms` -> milliseconds; undefined where it is neither, or not above 0. */
export function parseBudget(text: string): Budget | undefined {
  const [, digits = '', unit = ''] = /^(\d+(?:\.\d+)?(?:e\+?\d+)?)\s?(ms|[KMG]?)$/i.exec(text.trim()) ?? [];
  const inTime = unit.toLowerCase() === 'ms';
  const value = Number(digits) * (inTime ? 1 : (multiples[unit.toUpperCase()] ?? 1));
  if (!(value > 0 && Number.isFinite(value))) return undefined;
  return inTime ? { milliseconds: value } : value;
}
