/** progress.json: how far a run is within its epoch, for those who watch it; nothing is resumed from it. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { removeQuietly, temporaryBeside } from './atomic.js';

const RunProgress = z.object({
  /** When this was so: ISO 8601. */
  updated: z.iso.datetime(),
  /** `training` also of a run that was killed: see `isHeld` in lock.ts. */
  state: z.enum(['training', 'validating', 'done', 'interrupted', 'failed']),
  /** Counted from 1. */
  epoch: z.int(),
  epochs: z.int(),
  batch: z.int(),
  batches: z.int(),
  /** Of the epoch so far. */
  loss: z.number().nullable(),
  /** Training accuracy after each step, of the epoch so far. */
  accuracy: z.array(z.number()),
  imagesPerSecond: z.number().nullable(),
  /** To the end of the last epoch, at this speed; what validation takes is not in it. */
  secondsLeft: z.number().nullable(),
});
export type RunProgress = Readonly<z.infer<typeof RunProgress>>;

/** Replaces the file at `path`. Training goes on where this fails: nothing depends on it. */
export function writeProgress(path: string, progress: RunProgress): void {
  const temporary = temporaryBeside(path);
  try {
    writeFileSync(temporary, JSON.stringify(progress));
    renameSync(temporary, path);
  } catch {
    removeQuietly(temporary);
  }
}

/** undefined where there is none that can be read. */
export function readProgress(path: string): RunProgress | undefined {
  try {
    return RunProgress.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return undefined;
  }
}
