/** Places to set an engine up in: real packages and programs in temporary folders. */
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { EngineError } from '../../../src/errors/index.js';
import { libraryFolder } from '../../../src/engine/setup/library.js';
import { defaultPlace, type Place } from '../../../src/engine/setup/place.js';
import type { Report } from '../../../src/engine/setup/report.js';
import { requireTarget, type Target } from '../../../src/engine/setup/targets.js';
import { tfjsNodeFolder } from '../../../src/engine/setup/tfjs-node.js';

export const real: Place = defaultPlace();
export const target: Target = requireTarget(real.host);
export const silent: Report = () => undefined;

/** A folder that is gone after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'gfnet-setup-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A project with tfjs-node as npm delivers it, an empty cache, and no program on the PATH. */
export function scratchPlace(env: NodeJS.ProcessEnv = {}): Place {
  const folder = temporaryFolder();
  const root = join(folder, 'project');
  const modules = join(root, 'node_modules');
  const tfjsNode = tfjsNodeFolder(real.root);
  cpSync(tfjsNode, join(modules, '@tensorflow', 'tfjs-node'), {
    recursive: true,
    filter: path => !['lib', 'deps', 'src'].includes(basename(path)),
  });
  const { dependencies } = JSON.parse(readFileSync(join(tfjsNode, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  for (const name of [...Object.keys(dependencies), '@tensorflow/tfjs-core', 'node-api-headers']) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(tfjsNode, '..', '..', name), join(modules, name));
  }
  const cache = join(folder, 'cache');
  const programs = join(folder, 'programs');
  mkdirSync(cache);
  mkdirSync(programs);
  return { root, cache, env: { PATH: programs, ...env }, host: real.host };
}

/** Puts a link to something in the real cache into the place's. */
export function borrow(place: Place, folderIn: (cache: string, target: Target) => string): void {
  symlinkSync(realpathSync(folderIn(real.cache, target)), folderIn(place.cache, target));
}

export const borrowLibrary = (place: Place): void => borrow(place, libraryFolder);

/** Puts a shell script on the place's PATH. */
export function addProgram(place: Place, name: string, script: string): void {
  writeFileSync(join(place.env.PATH ?? '', name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

/** Puts the machine's python3 on the place's PATH, run with the given flags. */
export function addPython(place: Place, flags = ''): void {
  const executable = execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], {
    encoding: 'utf8',
  });
  addProgram(place, 'python3', `exec "${executable.trim()}" ${flags} "$@"`);
}

/** The error a promise ends with. */
export async function engineErrorOf(work: Promise<unknown>): Promise<EngineError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(EngineError);
  return error as EngineError;
}
