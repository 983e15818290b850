/** Puts a cached binding where tfjs-node looks for it. */
import { access, constants, lstat, mkdir, rename, rm, symlink } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Before what takes long: whether something can be put at `path`; throws the system's error otherwise. */
export async function requirePlace(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await access(dirname(path), constants.W_OK);
}

/**
 * Makes `path` a link to the folder `target`, in place of whatever is there. Files are only ever renamed,
 * so a process that has the old binding loaded keeps it.
 */
export async function replaceByLink(path: string, target: string): Promise<void> {
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
