/** Where folders are made. */
import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { systemErrorCode, writingTo } from './file-errors.js';

/**
 * Makes the folder `path`, and those that it lies in, where they are missing.
 *
 * @throws RunError that tells the user why it can't be made
 */
export function makeFolder(path: string): void {
  writingTo(path, () => {
    try {
      mkdirSync(path, { recursive: true });
    } catch (error) {
      // Node says so of a read-only disk too; of a folder whose parent is there the system tells what it is.
      if (systemErrorCode(error) === 'ENOENT') mkdirSync(firstMissing(resolve(path)));
      throw error;
    }
  });
}

/**
 * Finds out whether the folder `path` can be written, or made where it is missing, without making it.
 *
 * @throws RunError that tells the user why not
 */
export function requireWritable(path: string): void {
  const nearest = existsSync(path) ? path : dirname(firstMissing(resolve(path)));
  // The dot: a file is no folder to write into.
  writingTo(path, () => accessSync(`${nearest}/.`, constants.W_OK));
}

function firstMissing(path: string): string {
  const parent = dirname(path);
  return existsSync(parent) ? path : firstMissing(parent);
}
