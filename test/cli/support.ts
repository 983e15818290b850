/** Runs the command line as a user does: a process of its own, from the launcher. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tiny } from '../training/support.js';

export const launcher = join(import.meta.dirname, '../../src/cli/gfnet.js');

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function gfnet(cwd: string, ...args: readonly string[]): Outcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, [launcher, ...args], {
    cwd,
    encoding: 'utf8',
  });
  return { code: status, stdout, stderr };
}

/** Writes the tiny configuration, changed, to a file in `folder`; its name. */
export function writeConfig(folder: string, name: string, change: object = {}): string {
  writeFileSync(join(folder, name), JSON.stringify({ ...tiny, ...change }));
  return name;
}
