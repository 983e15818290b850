/** Where an engine is set up: which project, which cache, with which programs in reach. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder } from './cache.js';
import { thisHost, type Host } from './host.js';

export interface Place {
  /** The folder from which `@tensorflow/tfjs-node` is resolved. */
  readonly root: string;
  /** Holds the library and the bindings built for it. */
  readonly cache: string;
  /** The environment of the programs that are run (PATH, pip's settings, CXX). */
  readonly env: NodeJS.ProcessEnv;
  readonly host: Host;
}

/** This project, the user's cache and environment, this machine. */
export function defaultPlace(): Place {
  return { root: packageRoot(), cache: join(cacheFolder(), 'engine'), env: process.env, host: thisHost };
}

/** A file of `src/engine/native`, which ships as it is. */
export function nativeFile(name: string): string {
  return join(packageRoot(), 'src', 'engine', 'native', name);
}

/** The folder of the package this module belongs to, run from its source or from `dist`. */
function packageRoot(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  for (let folder = here; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder;
    if (folder === dirname(folder))
      throw new Error(
        `no folder above ${here} has a package.json: copy the package as a whole, or install it`,
      );
  }
}
