/** Thresholds for a budget, from what an evaluation of the same weights found on validation. */
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Checkpoint } from '../checkpoint/checkpoint.js';
import { UsageError } from '../errors/index.js';
import type { Results } from '../evaluation/index.js';
import { fitBudget, parseResults } from '../evaluation/index.js';

/** The folder of a checkpoint's run, or of one that stands alone. */
export function homeOf({ path }: Checkpoint): string {
  const folder = dirname(path);
  return basename(folder) === 'checkpoints' ? dirname(folder) : folder;
}

/** What `gfnet evaluate` found on a checkpoint; undefined where these weights were not evaluated. @throws as `evaluationOf` */
export function findEvaluation(checkpoint: Checkpoint): Results | undefined {
  const file = join(homeOf(checkpoint), 'results.json');
  const results = existsSync(file) ? parseResults(readFileSync(file, 'utf8'), file) : undefined;
  return results?.model.sha256 === checkpoint.manifest.tensors.sha256 ? results : undefined;
}

/**
 * What `gfnet evaluate` found on a checkpoint: results.json in its run's folder, or beside a checkpoint that stands alone.
 * @param purpose what it is needed for, as the message begins
 * @throws UsageError when these weights were not evaluated; RunError when results.json cannot be read
 */
export function evaluationOf(checkpoint: Checkpoint, purpose: string): Results {
  const results = findEvaluation(checkpoint);
  if (results) return results;
  const file = join(homeOf(checkpoint), 'results.json');
  throw new UsageError({
    problem: `${purpose} an evaluation of these weights`,
    given: existsSync(file) ? `${file}, an evaluation of other weights` : `no ${file}`,
    mend: 'run `gfnet evaluate` on the run first',
  });
}

/**
 * The thresholds, one for each step, that were most accurate on validation within `budget`.
 * @param budget mean Multi-Adds for one image
 * @throws UsageError when the checkpoint was not evaluated, or the budget is below the cost of the glance
 */
export function thresholdsForBudget(checkpoint: Checkpoint, budget: number): readonly number[] {
  return fitBudget(evaluationOf(checkpoint, 'a budget needs').calibration, budget).thresholds;
}
