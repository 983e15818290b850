/** What a run folder shows of a training, while it goes on and afterwards. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RunError } from '../errors/index.js';
import type { JsonObject } from './json.js';
import { isHeld } from './lock.js';
import type { MetricRow } from './metrics.js';
import { readMetrics } from './metrics.js';
import { isRun, openRun } from './run-folder.js';
import type { RunProgress } from './run-progress.js';
import { readProgress } from './run-progress.js';

export interface RunView {
  readonly path: string;
  readonly stage: string;
  readonly seed: number;
  /** Without the stage. */
  readonly config: JsonObject;
  /** `stopped`: killed, or ended by the machine; it resumes. */
  readonly state: RunProgress['state'] | 'stopped';
  readonly progress: RunProgress | undefined;
  readonly metrics: readonly MetricRow[];
  /** Its last lines. */
  readonly log: readonly string[];
}

const stageFolders = ['stage1', 'stage2', 'stage3', 'static'];
const logLines = 3;

/** The run at `path`; of a folder that `gfnet train all` made, its stages as far as they have begun. @throws RunError where there is none */
export function viewRuns(path: string): RunView[] {
  if (isRun(path)) return [viewRun(path)];
  const found = stageFolders.map(name => join(path, name)).filter(isRun);
  if (found.length > 0) return found.map(viewRun);
  throw new RunError({
    problem: 'not a run folder, nor a folder of the runs of stages',
    given: path,
    allowed: 'what gfnet train was given with --out',
    mend: 'check the path; a run appears when its stage begins',
  });
}

function viewRun(path: string): RunView {
  const { config, seed, metrics, progress: file, logFile, lock } = openRun(path);
  const { stage, ...rest } = config;
  const progress = readProgress(file);
  const working = progress === undefined || ['training', 'validating'].includes(progress.state);
  return {
    path,
    stage: typeof stage === 'string' ? stage : 'unknown',
    seed,
    config: rest,
    state: working && !isHeld(lock) ? 'stopped' : (progress?.state ?? 'training'),
    progress,
    metrics: existsSync(metrics) ? readMetrics(metrics) : [],
    log: lastLines(logFile),
  };
}

function lastLines(path: string): string[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8').trimEnd().split('\n').slice(-logLines);
}
