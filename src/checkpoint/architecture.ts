/** Tells whether a checkpoint is of the network it is to be loaded into. */
import { CheckpointError } from '../errors/index.js';
import type { Checkpoint } from './checkpoint.js';
import type { JsonValue } from './json.js';

/**
 * Refuses a checkpoint of an architecture other than `wanted`.
 *
 * @throws CheckpointError that lists every path at which they differ
 */
export function requireArchitecture({ path, manifest }: Checkpoint, wanted: JsonValue): void {
  const found = differences(manifest.architecture, wanted, []);
  if (found.length === 0) return;
  throw new CheckpointError({
    problem: `${path} is of another architecture`,
    given: found.map(({ at, given }) => `${at} = ${show(given)}`).join(', '),
    allowed: found.map(({ at, wanted: value }) => `${at} = ${show(value)}`).join(', '),
    mend: 'use the configuration that the checkpoint was trained with, or train anew',
  });
}

interface Difference {
  readonly at: string;
  readonly given: JsonValue | undefined;
  readonly wanted: JsonValue | undefined;
}

function differences(
  given: JsonValue | undefined,
  wanted: JsonValue | undefined,
  path: readonly string[],
): Difference[] {
  if (isBranch(given) && isBranch(wanted) && Array.isArray(given) === Array.isArray(wanted)) {
    const [givenFields, wantedFields] = [new Map(Object.entries(given)), new Map(Object.entries(wanted))];
    const keys = new Set([...givenFields.keys(), ...wantedFields.keys()]);
    return [...keys].flatMap(key => differences(givenFields.get(key), wantedFields.get(key), [...path, key]));
  }
  return given === wanted ? [] : [{ at: path.join('.'), given, wanted }];
}

function isBranch(
  value: JsonValue | undefined,
): value is Exclude<JsonValue, string | number | boolean | null> {
  return typeof value === 'object' && value !== null;
}

function show(value: JsonValue | undefined): string {
  return value === undefined ? 'absent' : JSON.stringify(value);
}
