/**
 * Checkpoints: `NAME.json`, the manifest, and the tensor file it names, `NAME-<hash>.safetensors`. Saving writes a new
 * tensor file, reads it back, then renames the new manifest into place: that moment alone replaces the checkpoint.
 */
import { closeSync, existsSync, fstatSync, openSync, readdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CheckpointError } from '../errors/index.js';
import { writeFileAtomically } from './atomic.js';
import { FileSource, piecesOf } from './byte-source.js';
import { systemErrorCode } from './file-errors.js';
import {
  type CheckpointKind,
  checkpointKinds,
  type Manifest,
  type ManifestFields,
  manifestText,
  readManifest,
} from './manifest.js';
import { bytesIn, sha256 } from './parts.js';
import { programVersion } from './program.js';
import { decodeSafetensors, encodeSafetensors } from './safetensors.js';
import type { TensorData } from './tensor-data.js';

/** What the caller saves; the rest of the manifest follows from it. */
export interface CheckpointContent extends Omit<ManifestFields, 'tensors' | 'created' | 'programVersion'> {
  readonly tensors: ReadonlyMap<string, TensorData>;
}

export interface Checkpoint {
  /** The manifest file it was loaded from. */
  readonly path: string;
  readonly manifest: Manifest;
  readonly tensors: ReadonlyMap<string, TensorData>;
}

/** Which checkpoint: of a run, the one with the best validation result or the latest; or a packaged model. */
export type CheckpointName = 'best' | 'last' | 'model';

/**
 * Saves a checkpoint in `folder`, replacing the one of that name; if this fails or the process is killed, that one stays.
 *
 * @param name letters, digits, `_`, `.` and `-`
 * @returns the path of its manifest
 * @throws RunError where a file can't be written; CheckpointError where the content can't be saved or does not read back
 */
export function saveCheckpoint(folder: string, name: string, content: CheckpointContent): string {
  const path = join(folder, `${name}.json`);
  const encoded = encodeSafetensors(content.tensors);
  const hash = sha256(encoded);
  const tensors = { file: `${name}-${hash.slice(0, 16)}.safetensors`, bytes: bytesIn(encoded), sha256: hash };
  const text = manifestText({ ...content, tensors, created: new Date().toISOString(), programVersion });
  removeUnreferenced(folder, name);
  try {
    writeFileAtomically(join(folder, tensors.file), encoded);
    readVerified(join(folder, tensors.file), tensors, () => undefined);
    writeFileAtomically(path, text);
    readManifest(path);
  } finally {
    removeUnreferenced(folder, name);
  }
  return path;
}

/**
 * Loads a checkpoint and verifies its hash.
 *
 * @param path a run folder or a folder of checkpoints, of which `name` is loaded; or the manifest file of any checkpoint
 * @param kinds which kinds will do
 * @throws CheckpointError where it is missing, cut short, altered, of another format, of a newer version, or of another kind
 */
export function loadCheckpoint(
  path: string,
  name: CheckpointName,
  kinds: readonly CheckpointKind[] = checkpointKinds,
): Checkpoint {
  const file = manifestPath(path, name);
  const manifest = readManifest(file);
  if (!kinds.includes(manifest.kind)) {
    throw new CheckpointError({
      problem: `${file} holds a checkpoint of another kind`,
      given: manifest.kind,
      allowed: kinds.join(', '),
    });
  }
  try {
    const tensorFile = join(dirname(file), manifest.tensors.file);
    const { tensors } = readVerified(tensorFile, manifest.tensors, file =>
      decodeSafetensors(file, tensorFile),
    );
    return { path: file, manifest, tensors };
  } catch (error) {
    // A run that is still training may have replaced the checkpoint since its manifest was read.
    if (readManifest(file).tensors.file === manifest.tensors.file) throw error;
    return loadCheckpoint(path, name, kinds);
  }
}

/** Loads the model of a folder that holds one, packaged or imported; of a run its latest checkpoint. @throws as `loadCheckpoint` */
export function loadLatest(path: string): Checkpoint {
  return loadCheckpoint(path, latestIn(path) ?? 'last');
}

/** Whether `path` is a folder from which `loadLatest` has something to load. */
export function hasLatest(path: string): boolean {
  return latestIn(path) !== undefined;
}

function latestIn(path: string): CheckpointName | undefined {
  return (['model', 'last'] as const).find(name => hasCheckpoint(path, name));
}

/** Whether `path`, a run folder or a folder of checkpoints, holds the checkpoint `name`. */
export function hasCheckpoint(path: string, name: CheckpointName): boolean {
  return manifestIn(path, name) !== undefined;
}

function manifestIn(folder: string, name: string): string | undefined {
  const candidates = [join(folder, 'checkpoints', `${name}.json`), join(folder, `${name}.json`)];
  return candidates.find(candidate => existsSync(candidate));
}

function manifestPath(path: string, name: string): string {
  if (!existsSync(path)) {
    throw new CheckpointError({
      problem: 'no such checkpoint or run folder',
      given: path,
      mend: 'check the path',
    });
  }
  if (!statSync(path).isDirectory()) return path;
  const found = manifestIn(path, name);
  if (found !== undefined) return found;
  throw new CheckpointError({
    problem: `the folder holds no checkpoint named "${name}"`,
    given: path,
    mend: 'give a run folder whose training has saved one, or the .json file of a checkpoint',
  });
}

/** What `use` makes of the tensor file at `path`, which must be that of the manifest. */
function readVerified<T>(path: string, expected: Manifest['tensors'], use: (file: FileSource) => T): T {
  const descriptor = reading(path, () => openSync(path, 'r'));
  try {
    return reading(path, () => {
      const file = new FileSource(descriptor, fstatSync(descriptor).size);
      verify(path, expected, file);
      return use(file);
    });
  } finally {
    closeSync(descriptor);
  }
}

function verify(path: string, expected: Manifest['tensors'], file: FileSource): void {
  if (file.length !== expected.bytes) {
    throw new CheckpointError({
      problem: `${path} is ${file.length < expected.bytes ? 'cut short' : 'longer than it was saved'}`,
      given: `${file.length} bytes`,
      allowed: `${expected.bytes} bytes`,
      mend: 'restore the file from a copy, or use another checkpoint',
    });
  }
  const given = sha256(piecesOf(file));
  if (given !== expected.sha256) {
    throw new CheckpointError({
      problem: `${path} was altered after it was saved: its SHA-256 is not the manifest's`,
      given,
      allowed: expected.sha256,
      mend: 'restore the file from a copy, or use another checkpoint',
    });
  }
}

function reading<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    if (systemErrorCode(cause) === undefined) throw cause;
    throw new CheckpointError({
      problem: `the tensor file of the checkpoint ${systemErrorCode(cause) === 'ENOENT' ? 'is missing' : 'cannot be read'}`,
      given: path,
      mend: 'copy the manifest and its tensor file together',
      cause,
    });
  }
}

/** Removes the tensor files of replaced and abandoned saves of `name`: all that its manifest, where there is one, does not name. */
function removeUnreferenced(folder: string, name: string): void {
  try {
    const path = join(folder, `${name}.json`);
    const referenced = existsSync(path) ? readManifest(path).tensors.file : undefined;
    for (const file of readdirSync(folder)) {
      const ofName =
        file.startsWith(`${name}-`) && /^[0-9a-f]{16}\.safetensors$/.test(file.slice(name.length + 1));
      if (ofName && file !== referenced) rmSync(join(folder, file));
    }
  } catch {
    // What can't be tidied up now, the next save tidies up.
  }
}
