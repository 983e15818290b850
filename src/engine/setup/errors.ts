/** The errors of a set-up that more than one of its steps can meet. */
import { relative } from 'node:path';
import { EngineError, type Explanation } from '../../errors/index.js';

/** An `EngineError` whose mend also names the other way to an engine. */
export function setupError(explanation: Explanation & { readonly mend: string }): EngineError {
  return new EngineError({
    ...explanation,
    mend:
      `${explanation.mend}\n           or run \`gfnet setup --prebuilt\`: the library its vendor built for tfjs-node ` +
      '(TensorFlow 2.9.1, eager only: steps are not compiled)',
  });
}

const roomForCache = 'make room there, or name a folder on another disk in GFNET_CACHE';

export function diskFull(folder: string, cause?: unknown, mend = roomForCache): EngineError {
  return new EngineError({ problem: 'the disk is full', given: folder, mend, cause });
}

const notWritable = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR']);

/** What a failure of the file system means here; any other error as it came. */
export function explainFileError(error: unknown, cache: string): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error;
  // Of a link `path` is what it leads to.
  const { code, path, dest } = error as NodeJS.ErrnoException & { readonly dest?: string };
  const place = dest ?? path ?? cache;
  const ofCache = [relative(cache, place), relative(place, cache)].some(way => !way.startsWith('..'));
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return diskFull(place, error, ofCache ? roomForCache : 'make room there');
  if (code === undefined || !notWritable.has(code)) return error;
  return new EngineError({
    problem: 'a folder the engine needs cannot be written',
    given: `${place} (${code})`,
    mend: ofCache
      ? 'make it writable, or name another folder for the cache in GFNET_CACHE'
      : 'make node_modules writable, or let its owner run `gfnet setup`',
    cause: error,
  });
}
