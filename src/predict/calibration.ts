/** Thresholds for a budget, from what an evaluation of the same weights found on validation. */
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Checkpoint } from '../checkpoint/checkpoint.js';
import { UsageError } from '../errors/index.js';
import type { Results } from '../evaluation/index.js';
import { commonThreshold, guaranteedThreshold, parseResults } from '../evaluation/index.js';
import type { ThresholdRule } from './budget.js';
import { withinBudget } from './budget.js';

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
 * The thresholds, one for each step, expected by validation to be most accurate within a budget, or the loosest that keep a promise: all steps,
 * where too few images were evaluated to promise it of fewer.
 * @throws UsageError when the checkpoint was not evaluated, or the budget is below the cost of the glance
 */
export function thresholdsFor(checkpoint: Checkpoint, rule: ThresholdRule): readonly number[] {
  const { choices, risk, model } = evaluationOf(
    checkpoint,
    'budget' in rule ? 'a budget needs' : 'a guarantee needs',
  );
  if ('budget' in rule) return withinBudget(choices, rule);
  return commonThreshold(guaranteedThreshold(risk.path, rule), model.steps);
}
