/** Thresholds for a budget, from what an evaluation of the same weights found on validation. */
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Checkpoint } from '../checkpoint/checkpoint.js';
import { UsageError } from '../errors/index.js';
import { fitBudget, parseResults } from '../evaluation/index.js';

/** Where `gfnet evaluate` writes what it found on a checkpoint: in its run's folder, or beside a checkpoint that stands alone. */
export function resultsPath({ path }: Pick<Checkpoint, 'path'>): string {
  const folder = dirname(path);
  return join(basename(folder) === 'checkpoints' ? dirname(folder) : folder, 'results.json');
}

/**
 * The thresholds, one for each step, that were most accurate on validation within `budget`.
 * @param budget mean Multi-Adds for one image
 * @throws UsageError when the checkpoint was not evaluated, or the budget is below the cost of the glance
 */
export function thresholdsForBudget(checkpoint: Checkpoint, budget: number): readonly number[] {
  const path = resultsPath(checkpoint);
  const results = existsSync(path) ? parseResults(readFileSync(path, 'utf8'), path) : undefined;
  if (results?.model.sha256 !== checkpoint.manifest.tensors.sha256) {
    throw new UsageError({
      problem: 'a budget needs thresholds that were fitted to these weights',
      given: results ? `${path}, an evaluation of other weights` : `no ${path}`,
      mend: 'run `gfnet evaluate` on the run first, or give a threshold instead of a budget',
    });
  }
  return fitBudget(results.calibration, budget).thresholds;
}
