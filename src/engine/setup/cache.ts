/** The user's cache folder: what is downloaded or built once and serves every copy of the project. */
import { homedir } from 'node:os';
import { join } from 'node:path';

/** `GFNET_CACHE` where set, else `gfnet` in the system's folder for caches. */
export function cacheFolder(
  env: NodeJS.ProcessEnv = process.env,
  os: NodeJS.Platform = process.platform,
): string {
  if (env.GFNET_CACHE) return env.GFNET_CACHE;
  if (os === 'darwin') return join(homedir(), 'Library', 'Caches', 'gfnet');
  if (env.XDG_CACHE_HOME) return join(env.XDG_CACHE_HOME, 'gfnet');
  return join(homedir(), '.cache', 'gfnet');
}
