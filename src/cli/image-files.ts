/** Which image files are meant by what stands on a command line. */
import { existsSync, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { glob } from 'tinyglobby';
import { UsageError } from '../errors/index.js';

const images = '**/*.{jpg,jpeg,png,webp,gif,tif,tiff,avif}';

export interface ImageFiles {
  readonly files: Iterable<string> | AsyncIterable<string>;
  /** How many; undefined where they are still being named. */
  readonly count: number | undefined;
}

/**
 * @param named files, folders (all images within, in the order of their names; a folder that links lead to again is taken once), patterns such as `photos/*.jpg`, or `-` alone, which
 *   reads names from standard input, one a line
 * @param signal ends that
 * @throws UsageError where a folder or a pattern has no image
 */
export async function imageFiles(named: readonly string[], signal?: AbortSignal): Promise<ImageFiles> {
  if (named.includes('-')) {
    if (named.length > 1) {
      throw new UsageError({
        problem: 'names from standard input go with no others',
        given: named.join(' '),
        allowed: '- alone, or files, folders and patterns',
      });
    }
    return { files: namesFrom(process.stdin, signal), count: undefined };
  }
  const files = (await Promise.all(named.map(expand))).flat();
  return { files, count: files.length };
}

/** All of them, once the last is named. @throws as `imageFiles` */
export async function namesOf(named: readonly string[]): Promise<string[]> {
  const names: string[] = [];
  for await (const name of (await imageFiles(named)).files) names.push(name);
  return names;
}

async function* namesFrom(
  input: NodeJS.ReadableStream,
  signal: AbortSignal | undefined,
): AsyncGenerator<string> {
  const lines = createInterface({ input, crlfDelay: Infinity, signal });
  for await (const line of lines) if (line !== '') yield line;
}

async function expand(named: string): Promise<string[]> {
  const exists = existsSync(named);
  const folder = exists && statSync(named).isDirectory();
  if (!folder && (exists || !/[*?[\]{}]/.test(named))) return [named];
  const found = folder
    ? await glob(images, { cwd: named, caseSensitiveMatch: false, dot: false })
    : await glob(named, { dot: false });
  if (found.length === 0) {
    throw new UsageError({
      problem: folder ? 'the folder holds no image' : 'no file fits the pattern',
      given: named,
      allowed: folder
        ? 'JPEG, PNG, WebP, AVIF, GIF or TIFF files, in folders within it too'
        : 'a pattern such as photos/*.jpg',
    });
  }
  const base = folder ? `${named.replace(/\/+$/, '')}/` : '';
  return fromFoldersOnce(found.sort().map(file => base + file));
}

/** Without those in a folder that has a shorter name, too: a link may lead back to a folder above it. */
function fromFoldersOnce(files: readonly string[]): string[] {
  const folders = [...new Set(files.map(file => dirname(file)))].sort((a, b) => a.length - b.length);
  const names = new Map<string, string>();
  for (const folder of folders) {
    const real = realpathSync(folder);
    if (!names.has(real)) names.set(real, folder);
  }
  const kept = new Set(names.values());
  return files.filter(file => kept.has(dirname(file)));
}
