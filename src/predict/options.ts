/** What may be asked for, checked once for all ways to predict: callers may have no types. */
import { UsageError } from '../errors/index.js';
import { shown } from '../errors/shown.js';
import type { PredictOptions } from './prediction.js';

interface Kind {
  readonly allowed: string;
  readonly fits: (value: unknown) => boolean;
}

const wholeNumber: Kind = {
  allowed: 'a whole number, 1 or more',
  fits: value => Number.isSafeInteger(value) && (value as number) >= 1,
};
const positive: Kind = { allowed: 'above 0', fits: value => typeof value === 'number' && value > 0 };
const share: Kind = {
  allowed: 'between 0 and 1',
  fits: value => typeof value === 'number' && value > 0 && value < 1,
};

const kinds: Readonly<Record<keyof PredictOptions, Kind>> = {
  threshold: {
    allowed: 'above 0, up to 1 (all steps)',
    fits: value => typeof value === 'number' && value > 0 && value <= 1,
  },
  budget: {
    allowed: 'Multi-Adds, above 0, or { milliseconds }, above 0',
    fits: value =>
      positive.fits(value) ||
      (value instanceof Object && 'milliseconds' in value && positive.fits(value.milliseconds)),
  },
  maxAccuracyDrop: share,
  confidence: share,
  maxMs: positive,
  topK: wholeNumber,
  batchSize: wholeNumber,
  maxPixels: wholeNumber,
  signal: { allowed: 'an AbortSignal', fits: value => value instanceof AbortSignal },
  onStep: { allowed: 'a function', fits: value => typeof value === 'function' },
};

/** @throws UsageError for an option that is unknown or out of range, or where they choose thresholds in two ways */
export function checkOptions(options: PredictOptions): void {
  if (typeof (options as unknown) !== 'object' || (options as unknown) === null) {
    throw new UsageError({
      problem: 'the options are none',
      given: shown(options),
      allowed: `an object, of ${Object.keys(kinds).join(', ')}`,
    });
  }
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined) checkOption(name, value);
  }
  oneRule(options);
}

function checkOption(name: string, value: unknown): void {
  if (!Object.hasOwn(kinds, name)) {
    throw new UsageError({
      problem: 'unknown option',
      given: name,
      allowed: Object.keys(kinds).join(', '),
    });
  }
  const { allowed, fits } = kinds[name as keyof PredictOptions];
  if (fits(value)) return;
  throw new UsageError({ problem: `${name} out of range`, given: given(value), allowed });
}

function given(value: unknown): string {
  return value instanceof Object && 'milliseconds' in value
    ? `milliseconds: ${shown(value.milliseconds)}`
    : shown(value);
}

function oneRule(options: PredictOptions): void {
  const chosen = (['threshold', 'budget', 'maxAccuracyDrop'] as const).filter(
    name => options[name] !== undefined,
  );
  if (chosen.length > 1) {
    throw new UsageError({
      problem: 'thresholds are chosen in one way',
      given: chosen.map(name => `${name} ${JSON.stringify(options[name])}`).join(', '),
      allowed: 'one of threshold, budget and maxAccuracyDrop',
    });
  }
  if (options.confidence !== undefined && options.maxAccuracyDrop === undefined) {
    throw new UsageError({
      problem: 'confidence says how surely maxAccuracyDrop holds, and is of no use without it',
      given: `confidence ${options.confidence}`,
      mend: 'give maxAccuracyDrop too; the confidence at which an image is answered is threshold',
    });
  }
}
