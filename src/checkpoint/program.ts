/** Which program wrote a file: its version, and what it ran on. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import type { JsonObject } from './json.js';

/** The folder of package.json. */
export const programRoot = packageRoot(import.meta.dirname);

/** The version in package.json. */
export const programVersion = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync(join(programRoot, 'package.json'), 'utf8'))).version;

/** What a run depends on beside its configuration and seed; says nothing of users or folders. */
export function describeEnvironment(): JsonObject {
  return {
    program: programVersion,
    ...gitState(),
    node: process.versions.node,
    platform: process.platform,
    architecture: process.arch,
    processor: cpus()[0]?.model ?? 'unknown',
    // Where fewer were asked for, `startEngine` tells TensorFlow so.
    threads: Number(process.env.TF_NUM_INTRAOP_THREADS ?? availableParallelism()),
  };
}

/** The program's own commit, where it runs from a clone, and whether tracked files were changed since. */
function gitState(): JsonObject {
  if (!existsSync(join(programRoot, '.git'))) return {};
  try {
    return {
      commit: git('rev-parse', 'HEAD'),
      modified: git('status', '--porcelain', '--untracked-files=no') !== '',
    };
  } catch {
    return {};
  }
}

function git(...args: string[]): string {
  return execFileSync('git', ['-C', programRoot, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim();
}

/** The nearest folder above `folder` that holds a package.json: other than by its depth, which differs once compiled. */
function packageRoot(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : packageRoot(dirname(folder));
}
