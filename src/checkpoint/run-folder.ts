/** A run folder: everything one training leaves behind. */
import { appendFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { RunError } from '../errors/index.js';
import { isTemporary, removeLeftovers, writeFileAtomically } from './atomic.js';
import { writingTo } from './file-errors.js';
import { makeFolder, requireWritable } from './folder.js';
import { type JsonObject, jsonObjectSchema, toJsonText } from './json.js';
import { acquireLock } from './lock.js';

const files = {
  config: 'config.json',
  environment: 'environment.json',
  metrics: 'metrics.csv',
  progress: 'progress.json',
  events: 'tensorboard',
  log: 'log.txt',
  checkpoints: 'checkpoints',
  lock: 'lock',
} as const;

const environmentSchema = z.strictObject({
  created: z.iso.datetime(),
  seed: z.int(),
  command: z.array(z.string()).readonly(),
  data: z.string().optional(),
  environment: jsonObjectSchema,
});

/** What a run is made of. */
export interface RunDescription {
  /** Resolved: every value, defaults included. */
  readonly config: JsonObject;
  readonly seed: number;
  /** The command line that started it. */
  readonly command: readonly string[];
  /** The fingerprint of its images, where they are files. */
  readonly data?: string | undefined;
  /** Versions, platform, threads: see `describeEnvironment`. */
  readonly environment: JsonObject;
}

export interface Run extends RunDescription {
  /** The folder. */
  readonly path: string;
  /** The path of its metrics: see `MetricsFile`. */
  readonly metrics: string;
  /** The folder of its metrics for TensorBoard: see `EventsWriter`. */
  readonly events: string;
  /** The path for its checkpoints: see `saveCheckpoint`. */
  readonly checkpoints: string;
  /** The path of what it is doing: see `readProgress`. */
  readonly progress: string;
  /** The path of its log. */
  readonly logFile: string;
  /** The path of its lock: see `isHeld`. */
  readonly lock: string;
}

/** A run held by this process alone. */
export interface RunWriter extends Run {
  /** Appends a line, with the time, to log.txt. */
  readonly log: (line: string) => void;
  /** Lets other processes continue the run. */
  readonly close: () => void;
}

/**
 * Starts a run in `path`, which must be absent or empty. A run that was killed while it was being created starts over.
 *
 * @throws RunError where the folder is a run already, holds something else, is in use, or can't be written
 */
export function createRun(path: string, { config, data, ...rest }: RunDescription): RunWriter {
  makeFolder(path);
  requireStartable(path);
  const release = acquireLock(join(path, files.lock));
  try {
    requireStartable(path);
    makeFolder(join(path, files.checkpoints));
    const environment = { created: new Date().toISOString(), ...rest, ...(data !== undefined && { data }) };
    writeFileAtomically(join(path, files.environment), toJsonText(environment));
    // Last: the configuration is what makes the folder a run.
    writeFileAtomically(join(path, files.config), toJsonText(config));
    return writer(openRun(path), release);
  } catch (error) {
    release();
    throw error;
  }
}

/**
 * Opens a run to continue it.
 *
 * @throws RunError where there is none, it is damaged, or another process is at it
 */
export function resumeRun(path: string): RunWriter {
  const run = openRun(path);
  const release = acquireLock(join(path, files.lock));
  try {
    for (const folder of [path, run.checkpoints]) writingTo(folder, () => removeLeftovers(folder));
    return writer(run, release);
  } catch (error) {
    release();
    throw error;
  }
}

/** Whether `path` is the folder of a run. */
export function isRun(path: string): boolean {
  return existsSync(join(path, files.config));
}

/**
 * Opens a run to read it; it may be training meanwhile.
 *
 * @throws RunError where there is none or it is damaged
 */
export function openRun(path: string): Run {
  if (!isRun(path)) {
    throw new RunError({
      problem: 'not a run folder: it has no config.json',
      given: path,
      mend: 'check the path, or start a run with gfnet train --out',
    });
  }
  const { seed, command, data, environment } = readJson(join(path, files.environment), environmentSchema);
  return {
    path,
    config: readJson(join(path, files.config), jsonObjectSchema),
    seed,
    command,
    data,
    environment,
    metrics: join(path, files.metrics),
    events: join(path, files.events),
    checkpoints: join(path, files.checkpoints),
    progress: join(path, files.progress),
    logFile: join(path, files.log),
    lock: join(path, files.lock),
  };
}

function writer(run: Run, release: () => void): RunWriter {
  const { logFile } = run;
  return {
    ...run,
    log: line => writingTo(logFile, () => appendFileSync(logFile, `${new Date().toISOString()} ${line}\n`)),
    close: release,
  };
}

/**
 * A run can be started in `path`.
 *
 * @throws RunError where the folder is a run already, holds something else, or can't be written
 */
export function requireStartable(path: string): void {
  requireWritable(path);
  if (!existsSync(path)) return;
  const entries = writingTo(path, () => readdirSync(path));
  if (entries.includes(files.config)) {
    throw new RunError({
      problem: 'the output folder is a run already',
      given: resolve(path),
      mend: '--resume continues it; or choose another folder with --out',
    });
  }
  const begun: readonly string[] = [files.environment, files.checkpoints, files.lock];
  const other = entries.find(entry => !begun.includes(entry) && !isTemporary(entry));
  if (other !== undefined) {
    throw new RunError({
      problem: 'the output folder is not empty, and not a run',
      given: `${resolve(path)}, which holds ${other}`,
      allowed: 'a folder that is absent or empty',
      mend: 'choose another folder with --out',
    });
  }
}

function readJson<T>(path: string, schema: z.ZodType<T>): T {
  try {
    return schema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (cause) {
    throw new RunError({
      problem: 'the run is damaged: one of its files is missing or cannot be understood',
      given: path,
      mend: 'restore the file from a copy, or start another run',
      cause,
    });
  }
}
