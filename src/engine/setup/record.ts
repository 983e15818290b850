/** The note beside a binding that was checked: what it is, so that a later start need not load it to know. */
import { readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const schema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('built'), tensorflow: z.string(), key: z.string() }),
  z.object({ kind: z.literal('prebuilt'), tensorflow: z.string() }),
]);

export type BindingRecord = z.infer<typeof schema>;

const fileName = 'engine.json';

/** The record in a binding's folder; `undefined` when there is none that can be read. */
export function readRecord(folder: string): BindingRecord | undefined {
  try {
    return schema.parse(JSON.parse(readFileSync(join(folder, fileName), 'utf8')));
  } catch {
    return undefined;
  }
}

export async function writeRecord(folder: string, record: BindingRecord): Promise<void> {
  const temporary = join(folder, `${fileName}.${process.pid}`);
  await writeFile(temporary, JSON.stringify(record));
  await rename(temporary, join(folder, fileName));
}
