/** Values that a schema has to accept. */
import { z } from 'zod';
import { didYouMean } from './did-you-mean.js';
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
  const parsed = schema.safeParse(value, { error: unknownKey });
  if (parsed.success) return parsed.data;
  const faults = z.prettifyError(parsed.error);
  throw new ConfigError({ ...explanation, given: given === undefined ? faults : `${given}: ${faults}` });
}

/** Of keys that an object does not have: which was meant, and which there are. */
const unknownKey: z.core.$ZodErrorMap = ({ code, keys, inst }) => {
  if (code !== 'unrecognized_keys' || !(inst instanceof z.ZodObject)) return undefined;
  const known = Object.keys(inst.shape);
  return (keys as readonly string[])
    .map(key => `unknown key ${JSON.stringify(key)}${didYouMean(key, known)}; allowed: ${known.join(', ')}`)
    .join('; ');
};
