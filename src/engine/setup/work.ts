/** A folder of the cache for unfinished work, on the same disk so that what is finished is renamed into place. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

const prefix = 'work-';

/** Runs `use` with a fresh folder that is gone afterwards; call it under the cache's lock: what a killed run left is removed. */
export async function withWorkFolder<T>(cache: string, use: (folder: string) => Promise<T>): Promise<T> {
  for (const name of await readdir(cache)) if (name.startsWith(prefix)) await remove(join(cache, name));
  const folder = await mkdtemp(join(cache, prefix));
  try {
    return await use(folder);
  } finally {
    await remove(folder);
  }
}

/** A program that outlived a killed run may still be writing there: hence the retries. */
function remove(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true, maxRetries: 5 });
}
