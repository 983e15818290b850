/** The folder that a command makes for what it gives. */
import { existsSync, readdirSync } from 'node:fs';
import { writingTo } from '../checkpoint/file-errors.js';
import { makeFolder } from '../checkpoint/folder.js';
import { RunError } from '../errors/index.js';

/** @throws RunError where it holds something */
export function refuseOccupied(out: string): void {
  if (existsSync(out) && writingTo(out, () => readdirSync(out)).length > 0) {
    throw new RunError({
      problem: 'the output folder is not empty',
      given: out,
      allowed: 'a folder that is absent or empty',
      mend: 'choose another folder with --out',
    });
  }
}

/** @throws RunError where it holds something, or cannot be made */
export function makeNewFolder(out: string): void {
  refuseOccupied(out);
  makeFolder(out);
}
