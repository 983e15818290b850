/** JSON objects as they stand in manifests and run folders. */
import { z } from 'zod';

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** Any JSON object; its fields are for whoever wrote it to check. Refuses NaN and infinite numbers, which JSON can't hold. */
export const jsonObjectSchema: z.ZodType<JsonObject> = z.record(z.string(), z.json());

/** JSON text as it is written to files: indented, with a newline at its end. */
export function toJsonText(value: JsonObject): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
