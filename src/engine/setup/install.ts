/** Puts a cached binding where tfjs-node looks for it. */
import { lstat, mkdir, rename, rm, symlink } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes `path` a link to the folder `target`, in place of whatever is there. Files are only ever renamed,
 * so a process that has the old binding loaded keeps it.
 */
export async function replaceByLink(path: string, target: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const link = `${path}.new-${process.pid}`;
  await rm(link, { force: true });
  await symlink(target, link, 'dir');
  const aside = `${path}.old-${process.pid}`;
  if (await isFolder(path)) await rename(path, aside);
  await rename(link, path);
  await rm(aside, { recursive: true, force: true });
}

/** Whether a path is a folder itself, not a link to one. */
async function isFolder(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined))?.isDirectory() ?? false;
}
