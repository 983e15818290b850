/** A bundle's folder: its files read and checked, and described. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemErrorCode } from '../checkpoint/file-errors.js';
import { sha256 } from '../checkpoint/manifest.js';
import { BundleError } from '../errors/index.js';
import type { BundleFields, BundleManifest } from './manifest.js';
import { checkFile, formatManifest, manifestFile, parseManifest } from './manifest.js';

/** The text of bundle.json; what follows from the format and the other files is added. */
export function manifestText(fields: BundleFields, files: ReadonlyMap<string, Uint8Array>): string {
  const described = [...files].map(([name, content]) => [
    name,
    { bytes: content.length, sha256: sha256(content) },
  ]);
  return formatManifest(fields, Object.fromEntries(described) as BundleManifest['files']);
}

/**
 * Reads bundle.json in `folder`, and checks the other files against it.
 * @throws BundleError where one is missing, altered, or of a newer version
 */
export function readBundle(folder: string): BundleManifest {
  const path = join(folder, manifestFile);
  const manifest = parseManifest(read(path).toString(), path);
  for (const [name, expected] of Object.entries(manifest.files)) {
    const content = read(join(folder, name));
    checkFile(join(folder, name), expected, content.length, sha256(content));
  }
  return manifest;
}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new BundleError({
      problem: `a file of the bundle ${systemErrorCode(cause) === 'ENOENT' ? 'is missing' : 'cannot be read'}`,
      given: path,
      mend: 'check the path: a bundle is a folder made by gfnet export',
      cause,
    });
  }
}
