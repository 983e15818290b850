/** The manifest of a checkpoint: what the tensors beside it are, sealed so that a change to either file is noticed. */
import { readFileSync, statSync } from 'node:fs';
import { z } from 'zod';
import { CheckpointError } from '../errors/index.js';
import { systemErrorCode } from './file-errors.js';
import { jsonObjectSchema, toJsonText } from './json.js';
import { sha256 } from './parts.js';

/** Raised whenever a manifest changes so that older programs would misread it. */
const schemaVersion = 1;

/** Far above any manifest: a larger file is something else, and is not read. */
const maxManifestBytes = 16_000_000;

/** `training`: all that is needed to go on training; `model`: what predicting needs. */
export const checkpointKinds = ['training', 'model'] as const;
export type CheckpointKind = (typeof checkpointKinds)[number];

const manifestSchema = z
  .strictObject({
    format: z.literal('gfnet-checkpoint'),
    schemaVersion: z.literal(schemaVersion),
    kind: z.enum(checkpointKinds),
    /** What trained it, e.g. `stage1`. */
    stage: z.string(),
    /** What the tensors are parameters of; for the model to check. */
    architecture: jsonObjectSchema,
    /** How far training has come; for the training loop to check. */
    progress: jsonObjectSchema,
    metrics: jsonObjectSchema,
    /** The name of each class, in the order of the logits. */
    classes: z.array(z.string()).readonly(),
    /** What is done to an image before the model sees it. */
    preprocessing: jsonObjectSchema,
    tensors: z.strictObject({
      /** A file in the manifest's own folder. */
      file: z.string().regex(/^[A-Za-z0-9][\w.-]*\.safetensors$/),
      bytes: z.int().nonnegative(),
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
    }),
    created: z.iso.datetime(),
    programVersion: z.string(),
  })
  .readonly();

export type Manifest = z.infer<typeof manifestSchema>;

/** A manifest's fields, less those that say which file format this is. */
export type ManifestFields = Omit<Manifest, 'format' | 'schemaVersion'>;

/**
 * The text of a manifest file.
 *
 * @throws CheckpointError where a field can't be saved, e.g. a metric that is NaN
 */
export function manifestText(fields: ManifestFields): string {
  const manifest = parseFields(
    { format: 'gfnet-checkpoint', schemaVersion, ...fields },
    'the manifest to be saved',
  );
  return toJsonText({ ...manifest, checksum: sha256(JSON.stringify(manifest)) });
}

/**
 * Reads and checks the manifest file at `path`.
 *
 * @throws CheckpointError where it is missing, damaged, altered, of another format or of a newer version
 */
export function readManifest(path: string): Manifest {
  const { fields, intact } = parseSealed(readText(path), path);
  if (fields.format !== 'gfnet-checkpoint') throw foreign(path);
  if (typeof fields.schemaVersion === 'number' && fields.schemaVersion > schemaVersion) {
    const program = typeof fields.programVersion === 'string' ? fields.programVersion : 'of no version';
    throw new CheckpointError({
      problem: `${path} was saved by a newer version of gfnet`,
      given: `schema version ${fields.schemaVersion}, gfnet ${program}`,
      allowed: `schema versions up to ${schemaVersion}`,
      mend: 'update gfnet',
    });
  }
  if (!intact) {
    throw new CheckpointError({
      problem: `${path} was altered after it was saved: its checksum does not match`,
      mend: 'restore the file from a copy',
    });
  }
  return parseFields(fields, path);
}

function readText(path: string): string {
  try {
    const status = statSync(path);
    if (!status.isFile() || status.size > maxManifestBytes) throw foreign(path);
    return readFileSync(path, 'utf8');
  } catch (cause) {
    if (systemErrorCode(cause) === undefined) throw cause;
    throw new CheckpointError({
      problem: 'the checkpoint cannot be read',
      given: path,
      mend: 'check the path',
      cause,
    });
  }
}

interface Sealed {
  readonly fields: Readonly<Record<string, unknown>>;
  /** Whether they are what the checksum was made of. */
  readonly intact: boolean;
}

function parseSealed(text: string, path: string): Sealed {
  if (!text.startsWith('{')) throw foreign(path);
  try {
    const { checksum, ...fields } = JSON.parse(text) as Record<string, unknown>;
    return { fields, intact: checksum === sha256(JSON.stringify(fields)) };
  } catch (cause) {
    throw new CheckpointError({
      problem: `${path} is damaged or cut short: it is not valid JSON`,
      mend: 'restore the file from a copy, or use another checkpoint',
      cause,
    });
  }
}

function foreign(path: string): CheckpointError {
  return new CheckpointError({
    problem: `${path} is not a checkpoint of gfnet`,
    allowed: 'a run folder, or the .json file of a checkpoint',
  });
}

function parseFields(fields: unknown, source: string): Manifest {
  const parsed = manifestSchema.safeParse(fields);
  if (parsed.success) return parsed.data;
  throw new CheckpointError({
    problem: `${source} is not a valid manifest`,
    given: z.prettifyError(parsed.error),
  });
}
