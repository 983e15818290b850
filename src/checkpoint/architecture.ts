/** Tells whether a checkpoint or a run is what it is taken for. */
import { z } from 'zod';
import { CheckpointError, RunError } from '../errors/index.js';
import type { Checkpoint } from './checkpoint.js';
import type { JsonValue } from './json.js';
import type { Run } from './run-folder.js';

/** The architecture of a checkpoint, as `schema` describes such. @throws CheckpointError where it is none */
export function parseArchitecture<T>(schema: z.ZodType<T>, { path, manifest }: Checkpoint): T {
  const parsed = schema.safeParse(manifest.architecture);
  if (parsed.success) return parsed.data;
  throw new CheckpointError({
    problem: `${path} describes a network that this program does not know`,
    given: z.prettifyError(parsed.error),
    mend: 'use the version of the program that wrote it',
  });
}

/**
 * Refuses a checkpoint whose architecture, or such a part of one, is another than `wanted`.
 *
 * @param given as `parseArchitecture` has it, with what was by default when it was written
 * @throws CheckpointError that lists every path at which they differ
 */
export function requireArchitecture({ path }: Checkpoint, given: JsonValue, wanted: JsonValue): void {
  const found = describeDifferences(given, wanted);
  if (!found) return;
  throw new CheckpointError({
    problem: `${path} is of another architecture`,
    ...found,
    mend: 'use the configuration that the checkpoint was trained with, or train anew',
  });
}

/**
 * Refuses to resume a run with a configuration other than its own.
 *
 * @throws RunError that lists every path at which they differ
 */
export function requireConfig({ path, config }: Run, wanted: JsonValue): void {
  const found = describeDifferences(wanted, config);
  if (!found) return;
  throw new RunError({
    problem: `${path} was started with another configuration`,
    ...found,
    mend: 'resume with --out and --resume alone, or start another run with another --out',
  });
}

/** What stands in `given` and what is `wanted` where they differ. */
function describeDifferences(
  given: JsonValue,
  wanted: JsonValue,
): { given: string; allowed: string } | undefined {
  const found = differences(given, wanted, []);
  if (found.length === 0) return undefined;
  return {
    given: found.map(({ at, given: value }) => `${at} = ${show(value)}`).join(', '),
    allowed: found.map(({ at, wanted: value }) => `${at} = ${show(value)}`).join(', '),
  };
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
