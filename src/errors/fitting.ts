/** Values that a schema has to accept. */
import { z } from 'zod';
import { ConfigError } from './index.js';
import type { Explanation } from './index.js';

/**
 * What `schema` makes of `value`.
 * @throws ConfigError with `explanation`, whose `given` the faults follow, each with its place
 */
export function fitting<T>(
  schema: z.ZodType<T>,
  value: unknown,
  { given, ...explanation }: Omit<Explanation, 'cause'>,
): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const faults = z.prettifyError(parsed.error);
  throw new ConfigError({ ...explanation, given: given === undefined ? faults : `${given}: ${faults}` });
}
