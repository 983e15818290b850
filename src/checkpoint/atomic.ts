/** Files that are replaced whole or not at all, whatever happens to the process or the machine meanwhile. */
import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { writingTo } from './file-errors.js';
import { makeFolder } from './folder.js';
import { type Parts, writeParts } from './parts.js';
import { processStart } from './process-start.js';

const temporaryPattern = /^\..+\.(\d+)\.gfnet-tmp$/;

/**
 * Replaces the file at `path` by `content`: written beside it, synced to the disk, renamed over it. When this returns the
 * new content survives a power failure; when it throws, or the process is killed, `path` holds what it held before.
 * Leftovers of killed writers in the same folder are removed. Synchronous, so that nothing can change `content` meanwhile.
 *
 * @throws RunError where the file can't be written, e.g. because the disk is full
 */
export function writeFileAtomically(path: string, content: Uint8Array | string | Parts): void {
  const temporary = temporaryBeside(path);
  try {
    writingTo(path, () => {
      removeLeftovers(dirname(path));
      writeParts(temporary, content, fsyncSync);
      renameSync(temporary, path);
      syncFolder(dirname(path));
    });
  } finally {
    removeQuietly(temporary);
  }
}

/**
 * Makes the folder `path` with `files` in it: written beside it, synced, renamed into place; the folder is there whole or not at all.
 *
 * @param path of a folder that is absent or empty
 * @throws RunError where it can't be written, or holds something
 */
export function writeFolderAtomically(path: string, files: ReadonlyMap<string, Parts>): void {
  const temporary = temporaryBeside(path);
  try {
    writingTo(path, () => {
      makeFolder(dirname(path));
      removeLeftovers(dirname(path));
      mkdirSync(temporary);
      for (const [name, content] of files) writeParts(join(temporary, name), content, fsyncSync);
      syncFolder(temporary);
      renameSync(temporary, path);
      syncFolder(dirname(path));
    });
  } finally {
    removeQuietly(temporary);
  }
}

/** A name beside `path`, of this process's own, that `removeLeftovers` recognises should the process be killed. */
export function temporaryBeside(path: string): string {
  return join(dirname(path), `.${basename(path)}.${process.pid}.gfnet-tmp`);
}

/** Whether a file of this name is a temporary of ours. */
export function isTemporary(name: string): boolean {
  return temporaryPattern.test(name);
}

/** Removes the temporaries of processes that no longer run from `folder`. */
export function removeLeftovers(folder: string): void {
  for (const name of readdirSync(folder)) {
    const pid = Number(temporaryPattern.exec(name)?.[1]);
    // This process writes one file at a time: a temporary with its pid is from a dead process that had the same one.
    if (pid === process.pid || (pid > 0 && processStart(pid) === undefined))
      removeQuietly(join(folder, name));
  }
}

/** Makes a rename in `folder` survive a power failure. */
function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** A temporary that can't be removed is litter, not a reason to fail: the next writer tries again. */
export function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true, recursive: true });
  } catch {
    return;
  }
}
