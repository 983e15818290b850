/** A bundle's folder: its files read and checked, and described. */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FileSource, piecesOf } from '../checkpoint/byte-source.js';
import { systemErrorCode } from '../checkpoint/file-errors.js';
import { bytesIn, type Parts, sha256 } from '../checkpoint/parts.js';
import { BundleError } from '../errors/index.js';
import type { BundleContent, BundleFields, BundleManifest } from './manifest.js';
import {
  bundleContent,
  checkFile,
  formatManifest,
  manifestFile,
  parseManifest,
  predictingFiles,
} from './manifest.js';

/** The text of bundle.json; what follows from the format and the other files is added. */
export function manifestText(fields: BundleFields, files: ReadonlyMap<string, Parts>): string {
  const described = [...files].map(([name, content]) => [
    name,
    { bytes: bytesIn(content), sha256: sha256(content) },
  ]);
  return formatManifest(fields, Object.fromEntries(described) as BundleManifest['files']);
}

/**
 * Reads bundle.json in `folder`, and checks the files that predicting reads against it.
 * @throws BundleError where one is missing, altered, or of a newer version
 */
export function readBundle(folder: string): BundleManifest {
  const path = join(folder, manifestFile);
  const manifest = parseManifest(
    reading(path, () => readFileSync(path, 'utf8')),
    path,
  );
  for (const [name, expected] of predictingFiles(manifest)) {
    const file = join(folder, name);
    const { bytes, hash } = reading(file, () => digest(file));
    checkFile(file, expected, bytes, hash);
  }
  return manifest;
}

/**
 * What predicting needs of the bundle in `folder`.
 * @throws BundleError as `readBundle`
 */
export async function readContent(folder: string): Promise<BundleContent> {
  const path = join(folder, manifestFile);
  const manifest = parseManifest((await readWhole(path)).toString(), path);
  return bundleContent(folder, manifest, async (name, expected) => {
    const file = join(folder, name);
    const content = await readWhole(file);
    checkFile(file, expected, content.length, sha256(content));
    return content;
  });
}

function readWhole(path: string): Promise<Buffer> {
  return readFile(path).catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
}

function digest(path: string): { bytes: number; hash: string } {
  const descriptor = openSync(path, 'r');
  try {
    const bytes = fstatSync(descriptor).size;
    return { bytes, hash: sha256(piecesOf(new FileSource(descriptor, bytes))) };
  } finally {
    closeSync(descriptor);
  }
}

function reading<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function unreadable(path: string, cause: unknown): BundleError {
  return new BundleError({
    problem: `a file of the bundle ${systemErrorCode(cause) === 'ENOENT' ? 'is missing' : 'cannot be read'}`,
    given: path,
    mend: 'check the path: a bundle is a folder made by gfnet export',
    cause,
  });
}
