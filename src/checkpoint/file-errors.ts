/** What a failed file operation means to the user. */
import { RunError } from '../errors/index.js';

const meanings: Readonly<Record<string, { readonly reason: string; readonly mend: string }>> = {
  ENOSPC: { reason: 'the disk is full', mend: 'free some space' },
  EDQUOT: { reason: 'the disk quota is used up', mend: 'free some space' },
  EFBIG: {
    reason: 'the file would exceed the limit on file sizes',
    mend: 'raise the limit (ulimit -f)',
  },
  EACCES: { reason: 'permission is denied', mend: 'change its permissions, or choose another place' },
  EPERM: {
    reason: 'the operation is not permitted',
    mend: 'change its permissions, or choose another place',
  },
  EROFS: { reason: 'the file system is read-only', mend: 'choose a place that can be written' },
  ENOENT: { reason: 'its folder does not exist', mend: 'create the folder, or choose another place' },
  ENOTDIR: { reason: 'a part of its path is a file, not a folder', mend: 'choose another place' },
  ENOTEMPTY: { reason: 'the folder is not empty', mend: 'choose another folder' },
  EISDIR: { reason: 'a folder of that name is in the way', mend: 'give the name of a file' },
  EEXIST: { reason: 'a file of that name is in the way', mend: 'move the file, or choose another place' },
};

/** The error code of a failed system call (`ENOENT`, ...), or undefined where `error` is something else. */
export function systemErrorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/**
 * What `action` returns, which writes to `path`.
 *
 * @throws RunError that tells the user why, where a system call of `action` fails
 */
export function writingTo<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw explainWriting(path, error);
  }
}

/** A RunError that tells the user why `path` cannot be written, where `error` is of a system call; else `error` itself. */
export function explainWriting<E>(path: string, error: E): E | RunError {
  const code = systemErrorCode(error);
  if (code === undefined) return error;
  const { reason, mend } = meanings[code] ?? { reason: code, mend: 'see the cause' };
  return new RunError({ problem: `cannot write: ${reason}`, given: path, mend, cause: error });
}
