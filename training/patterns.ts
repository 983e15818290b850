/** Patterns over the names of variables: `*` stands for any characters, and a part's name for all within it. */
import { ConfigError } from '../src/errors/index.js';
import { didYouMean } from '../src/errors/did-you-mean.js';
import type { Tensors } from '../src/engine/gradients.js';
import type { DescentConfig } from './config.js';

/** Whether `pattern` is the name, or that of a part it is within: `local.stem` and `*.stem` match `local.stem.conv.weight`. */
export function matches(pattern: string, name: string): boolean {
  const literal = pattern.split('*').map(text => text.replace(/[\\^$.+?()[\]{}|]/g, '\\$&'));
  return new RegExp(`^${literal.join('.*')}(\\.|$)`).test(name);
}

/** @throws ConfigError when a pattern given with `option` matches none of `names` */
function requireMatches(option: string, patterns: readonly string[], names: readonly string[]): void {
  for (const pattern of patterns) {
    if (names.some(name => matches(pattern, name))) continue;
    const parts = [...new Set(names.map(name => name.split('.').slice(0, 2).join('.')))];
    throw new ConfigError({
      problem: `${option} names nothing that the stage could train${didYouMean(pattern, [...parts, ...names])}`,
      given: pattern,
      allowed: `parts and variables, * for any characters: ${parts.join(', ')}, ...`,
    });
  }
}

/** By what each parameter's learning rate is multiplied: the last pattern that matches its name says. */
export function factors(rates: Readonly<Record<string, number>>): (name: string) => number {
  const entries = Object.entries(rates).reverse();
  return name => entries.find(([pattern]) => matches(pattern, name))?.[1] ?? 1;
}

/**
 * What a stage leaves as it is: what the configuration freezes, and `always`.
 * @throws ConfigError when a pattern names nothing that the stage could train
 */
export function freezing(
  stage: string,
  { freeze, rates }: Pick<DescentConfig, 'freeze' | 'rates'>,
  parameters: Tensors,
  always: readonly string[] = [],
): (name: string) => boolean {
  const isFrozen =
    (patterns: readonly string[]) =>
    (name: string): boolean =>
      patterns.some(pattern => matches(pattern, name));
  const could = Object.keys(parameters).filter(name => !isFrozen(always)(name));
  requireMatches(`${stage}.freeze`, freeze, could);
  const learned = could.filter(name => !isFrozen(freeze)(name));
  requireMatches(`${stage}.rates`, Object.keys(rates), learned);
  if (learned.length > 0) return isFrozen([...always, ...freeze]);
  throw new ConfigError({
    problem: `${stage}.freeze leaves nothing to train`,
    given: freeze.join(', '),
    mend: 'freeze less',
  });
}
