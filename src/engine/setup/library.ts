/** TensorFlow's library and headers in the cache, taken from the wheel when they are not there yet. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { requireSpace } from './disk.js';
import { downloadWheel } from './download.js';
import { diskFull, setupError } from './errors.js';
import { nativeFile, type Place } from './place.js';
import { lastLines, runProgram, saysDiskFull } from './program.js';
import { python, requirePip } from './python.js';
import type { Report } from './report.js';
import { tensorflowVersion, type Target } from './targets.js';

/** What kernels of ours are compiled with, and what those headers include. */
const headers = [
  ...['tensorflow/c/', 'tensorflow/core/', 'tsl/', 'xla/tsl/'],
  ...['absl/', 'Eigen/', 'google/protobuf/', 'ml_dtypes/', 'unsupported/Eigen/'],
];

/** The cache's folder for the library of `target`: the libraries themselves, and `include`. */
export function libraryFolder(cache: string, target: Target): string {
  return join(cache, libraryName(target));
}

/** It says which headers are there, since versions of this program that keep others share the cache. */
export function libraryName(target: Target): string {
  const kept = createHash('sha256').update(headers.join()).digest('hex').slice(0, 8);
  return `tensorflow-${tensorflowVersion}-${target.name}-${kept}`;
}

/**
 * Makes sure the library of `target` is in the cache; `work` is a folder of the same disk.
 * @throws EngineError when it cannot be had
 */
export async function obtainLibrary(
  target: Target,
  place: Place,
  work: string,
  report: Report,
): Promise<void> {
  const folder = libraryFolder(place.cache, target);
  if (existsSync(folder)) return;
  await requirePip(place.env);
  await requireSpace(place.cache, target.wheelBytes + target.unpackedBytes);
  const wheel = await downloadWheel(target, work, place.env, report);
  await rename(await extract(wheel, target, place, work, report), folder);
}

async function extract(
  wheel: string,
  target: Target,
  place: Place,
  work: string,
  report: Report,
): Promise<string> {
  const prefixes = [...target.libraries, ...headers.map(header => `include/${header}`)];
  const show = (done: number): void =>
    report({
      stage: 'extract',
      message: 'unpacking the library',
      fraction: Math.min(1, done / target.unpackedBytes),
    });
  show(0);
  const run = await runProgram(
    python,
    [nativeFile('extract.py'), wheel, work, ...prefixes.map(prefix => `tensorflow/${prefix}`)],
    { env: place.env, onLine: line => show(Number(line)) },
  );
  if (run?.code === 0) return join(work, 'tensorflow');
  if (run && saysDiskFull(run)) throw diskFull(work);
  throw setupError({
    problem: 'the library cannot be unpacked',
    given: lastLines(run?.output ?? ''),
    mend: 'run `gfnet setup` again',
  });
}
