/** Room on a disk and what a folder takes of it. */
import { readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError } from '../../errors/index.js';

/**
 * @param bytes what is about to be written into `folder`
 * @throws EngineError when the disk has less room
 */
export async function requireSpace(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= bytes) return;
  throw new EngineError({
    problem: 'the disk has too little room for TensorFlow',
    given: `${megabytes(bavail * bsize)} free for ${folder}`,
    allowed: `at least ${megabytes(bytes)}`,
    mend: 'make room there, or name a folder on another disk in GFNET_CACHE',
  });
}

export function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}

/** Bytes of the files in a folder and below whose names end in `suffix`; 0 for a folder that is not there. */
export async function folderBytes(folder: string, suffix = ''): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => []);
  const files = entries.filter(entry => entry.isFile() && entry.name.endsWith(suffix));
  const sizes = await Promise.all(files.map(file => sizeOf(join(file.parentPath, file.name))));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** A file may go while its folder is being read. */
async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}
