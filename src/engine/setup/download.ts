/** Downloads TensorFlow's wheel with pip, from the index pip is configured for, and checks its hash. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { EngineError } from '../../errors/index.js';
import { folderBytes, megabytes } from './disk.js';
import { diskFull, setupError } from './errors.js';
import { lastLines, runProgram, saysDiskFull, type ProgramRun } from './program.js';
import { python } from './python.js';
import type { Report } from './report.js';
import { tensorflowVersion, type Target } from './targets.js';

const pollMilliseconds = 500;

/**
 * Downloads the wheel of `target` into the folder `work`.
 * @returns the wheel's path
 * @throws EngineError when pip cannot get it, or its hash is another than the pinned one
 */
export async function downloadWheel(
  target: Target,
  work: string,
  env: NodeJS.ProcessEnv,
  report: Report,
): Promise<string> {
  const folder = join(work, 'download');
  await mkdir(folder);
  const message = `downloading TensorFlow ${tensorflowVersion} (${megabytes(target.wheelBytes)})`;
  const progress = (): Promise<void> =>
    folderBytes(work, '.whl').then(bytes =>
      report({ stage: 'download', message, fraction: Math.min(1, bytes / target.wheelBytes) }),
    );
  report({ stage: 'download', message, fraction: 0 });
  const timer = setInterval(() => void progress(), pollMilliseconds);
  try {
    // pip keeps the unfinished file in TMPDIR, where its size can be read.
    const run = await runProgram(python, pipArguments(requirement(target), target.wheelPlatform, folder), {
      env: { ...env, TMPDIR: work },
    });
    if (run?.code !== 0) throw downloadError(run, target, folder);
  } finally {
    clearInterval(timer);
  }
  await progress();
  return verifiedWheel(target, folder, report);
}

/** Python's, to download one wheel, whatever Python and platform this is, into `folder`. */
export function pipArguments(requirement: string, platform: string, folder: string): string[] {
  const wheel = ['--only-binary=:all:', '--python-version', '3.11', '--platform', platform];
  const quiet = ['--no-cache-dir', '--no-input', '--disable-pip-version-check', '--progress-bar', 'off'];
  return ['-m', 'pip', 'download', '--no-deps', ...wheel, ...quiet, '--dest', folder, requirement];
}

function requirement(target: Target): string {
  return `${target.package}==${tensorflowVersion}`;
}

function downloadError(run: ProgramRun | undefined, target: Target, folder: string): EngineError {
  const output = run?.output ?? '';
  if (run && saysDiskFull(run)) return diskFull(folder);
  const given = `${requirement(target)} for ${target.wheelPlatform}`;
  if (/connection broken|ConnectionError|timed out|name resolution|ProxyError|SSLError/i.test(output)) {
    return setupError({
      problem: 'pip cannot reach its package index, so TensorFlow is not downloaded',
      given,
      mend: 'connect to the network, or set the proxy or mirror pip needs (HTTPS_PROXY, PIP_INDEX_URL)',
    });
  }
  if (output.includes('No matching distribution')) {
    return setupError({
      problem: "pip's package index does not serve TensorFlow's wheel",
      given,
      mend: 'point pip at an index that does (PIP_INDEX_URL), or put the wheel in a folder named in PIP_FIND_LINKS',
    });
  }
  return setupError({
    problem: 'pip failed to download TensorFlow',
    given: lastLines(output),
    mend: `mend \`python3 -m pip download ${requirement(target)}\``,
  });
}

async function verifiedWheel(target: Target, folder: string, report: Report): Promise<string> {
  report({ stage: 'verify', message: 'checking the hash of the download' });
  const [name = ''] = await readdir(folder);
  const wheel = join(folder, name);
  const hash = createHash('sha256');
  await pipeline(createReadStream(wheel), hash);
  const sha256 = hash.digest('hex');
  if (sha256 === target.sha256) return wheel;
  throw setupError({
    problem: `the downloaded ${name} is not the file TensorFlow published`,
    given: `sha256 ${sha256}`,
    allowed: `sha256 ${target.sha256}`,
    mend: 'try again; if it stays so, the package index pip uses serves an altered file',
  });
}
