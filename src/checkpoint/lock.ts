/** A lock file: at most one process writes to a run folder, and a dead process does not keep others out. */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { z } from 'zod';
import { RunError } from '../errors/index.js';
import { temporaryBeside } from './atomic.js';
import { systemErrorCode, writingTo } from './file-errors.js';
import { processStart } from './process-start.js';

const holderSchema = z.object({ pid: z.int().positive(), started: z.string(), host: z.string() });
type Holder = z.infer<typeof holderSchema>;

/**
 * Takes the lock at `path`, from a dead process if need be.
 *
 * @returns releases the lock
 * @throws RunError where a live process holds it, or one on another machine, of which nothing can be known
 */
export function acquireLock(path: string): () => void {
  const mine = JSON.stringify({
    pid: process.pid,
    started: processStart(process.pid),
    host: hostname(),
  });
  while (!create(path, mine)) removeStale(path);
  return () => {
    if (readIfPresent(path) === mine) rmSync(path);
  };
}

/** Whether a process holds the lock at `path`: one that lives, or one on another machine. */
export function isHeld(path: string): boolean {
  const holder = parseHolder(readIfPresent(path) ?? '');
  return holder !== undefined && lives(holder) !== false;
}

/** undefined: on another machine, of which nothing can be known. */
function lives({ pid, started, host }: Holder): boolean | undefined {
  return host === hostname() ? processStart(pid) === started : undefined;
}

/** Creates the lock with its content in one step, so that nobody reads a half-written one; false where there is one already. */
function create(path: string, content: string): boolean {
  const temporary = temporaryBeside(path);
  return writingTo(path, () => {
    try {
      writeFileSync(temporary, content);
      linkSync(temporary, path);
      return true;
    } catch (error) {
      if (systemErrorCode(error) === 'EEXIST') return false;
      throw error;
    } finally {
      rmSync(temporary, { force: true });
    }
  });
}

function removeStale(path: string): void {
  const text = readIfPresent(path);
  if (text === undefined) return;
  const holder = parseHolder(text);
  if (holder !== undefined) refuseLive(path, holder);
  const aside = temporaryBeside(path);
  writingTo(path, () => {
    ifPresent(() => renameSync(path, aside));
    const taken = readIfPresent(aside);
    if (taken === undefined) return;
    // Another process may have taken the lock over since it was read: it gets its lock back.
    if (taken !== text) linkSync(aside, path);
    rmSync(aside);
  });
}

/** Who holds the lock; undefined where the text tells of nobody: a lock appears with its content, so a power failure cut it. */
function parseHolder(text: string): Holder | undefined {
  try {
    return holderSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function refuseLive(path: string, holder: Holder): void {
  const { pid, host } = holder;
  const alive = lives(holder);
  if (alive === undefined) {
    throw new RunError({
      problem: 'the run is in use by a process on another machine',
      given: `process ${pid} on ${host}`,
      mend: `wait for it or stop it there; if it has died, delete ${path}`,
    });
  }
  if (alive) {
    throw new RunError({
      problem: 'the run is in use by another process',
      given: `process ${pid}`,
      mend: 'wait for it or stop it, or choose another run folder',
    });
  }
}

function readIfPresent(path: string): string | undefined {
  return ifPresent(() => readFileSync(path, 'utf8'));
}

/** What `action` returns; undefined where the file it is about does not exist. */
function ifPresent<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
