/** JSON objects as they stand in manifests and run folders. */
import { z } from 'zod';

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: JsonValue;
}

const maxDepth = 100;

/** Any JSON object; its fields are for whoever wrote it to check. Refuses NaN and infinite numbers, which JSON can't hold. */
export const jsonObjectSchema: z.ZodType<JsonObject> = z
  .unknown()
  .refine(value => !isDeeper(value, maxDepth), `nested more than ${maxDepth} deep`)
  .pipe(z.record(z.string(), z.json()));

/** Tells it of any value, where checking it whole would need an endless stack. */
function isDeeper(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return depth === 0 || Object.values(value).some(item => isDeeper(item, depth - 1));
}

/** JSON text as it is written to files: indented, with a newline at its end. */
export function toJsonText(value: JsonObject): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
