/** Thresholds for a budget, from what an evaluation of the same weights found on validation. */
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Checkpoint } from '../checkpoint/checkpoint.js';
import { UsageError } from '../errors/index.js';
import type { Results } from '../evaluation/index.js';
import { fitBudget, parseResults } from '../evaluation/index.js';

/**
 * What `gfnet evaluate` found on a checkpoint: results.json in its run's folder, or beside a checkpoint that stands alone.
 * @param purpose what it is needed for, as the message begins
 * @throws UsageError when these weights were not evaluated; RunError when results.json cannot be read
 */
export function evaluationOf({ path, manifest }: Checkpoint, purpose: string): Results {
  const folder = dirname(path);
  const file = join(basename(folder) === 'checkpoints' ? dirname(folder) : folder, 'results.json');
  const results = existsSync(file) ? parseResults(readFileSync(file, 'utf8'), file) : undefined;
  if (results?.model.sha256 === manifest.tensors.sha256) return results;
  throw new UsageError({
    problem: `${purpose} an evaluation of these weights`,
    given: results ? `${file}, an evaluation of other weights` : `no ${file}`,
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
