/** The vendor's own library and binding, obtained by tfjs-node's install script: TensorFlow 2.9.1 without our patch. */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { EngineError } from '../../errors/index.js';
import { checkBinding } from './check.js';
import type { Place } from './place.js';
import { lastLines, runProgram } from './program.js';
import { writeRecord } from './record.js';
import type { Report } from './report.js';
import { requirePrebuilt } from './targets.js';
import { bindingFolder, resolveFrom, tfjsNodeFolder } from './tfjs-node.js';

/**
 * Replaces the engine in `place` by the vendor's; on failure what was there before is there again.
 * @throws EngineError when the vendor has none for this platform, or its script fails
 */
export async function installPrebuilt(place: Place, report: Report): Promise<void> {
  requirePrebuilt(place.host);
  const tfjsNode = tfjsNodeFolder(place.root);
  const binding = bindingFolder(tfjsNode);
  const before = `${binding}.before`;
  await rm(before, { recursive: true, force: true });
  const hadBinding = await moved(binding, before);
  try {
    await runInstallScript(tfjsNode, place.env, report);
    report({ stage: 'check', message: 'checking that TensorFlow computes' });
    const { tensorflow } = await checkBinding(place);
    await writeRecord(binding, { kind: 'prebuilt', tensorflow });
    report({ stage: 'ready', message: `TensorFlow ${tensorflow} is ready (prebuilt, eager only)` });
  } catch (error) {
    await rm(binding, { recursive: true, force: true });
    if (hadBinding) await rename(before, binding);
    throw error;
  }
  await rm(before, { recursive: true, force: true });
}

async function runInstallScript(tfjsNode: string, env: NodeJS.ProcessEnv, report: Report): Promise<void> {
  report({ stage: 'prebuilt', message: 'running the install script of @tensorflow/tfjs-node' });
  const manifest = join(tfjsNode, 'package.json');
  const original = await readFile(manifest);
  // The script calls node-pre-gyp by its name.
  const nodePreGyp = join(dirname(resolveFrom(tfjsNode, '@mapbox/node-pre-gyp/package.json')), 'bin');
  const path = [nodePreGyp, dirname(process.execPath), env.PATH ?? ''].join(delimiter);
  const run = await runProgram(process.execPath, ['scripts/install.js', 'cpu', 'download'], {
    cwd: tfjsNode,
    env: { ...env, PATH: path },
  });
  if (run?.code === 0) return;
  // The script edits the manifest while it runs, and leaves it so when it fails.
  await writeFile(manifest, original);
  throw new EngineError({
    problem: 'the install script of @tensorflow/tfjs-node failed',
    given: firstError(run?.output ?? ''),
    mend:
      "it downloads from its vendor's storage: connect to the network, set HTTPS_PROXY, " +
      'or run `gfnet setup`, which downloads with pip instead',
  });
}

/** The message in a stack trace. */
function firstError(output: string): string {
  return /^.*Error: .*$/m.exec(output)?.[0] ?? lastLines(output);
}

async function moved(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
