/** Every error a user can meet: what was given, what is allowed, how to mend it. */

/** The parts of an error message; each is one sentence or phrase without a full stop at its end. */
export interface Explanation {
  /** What is wrong, e.g. `unknown encoder`. */
  readonly problem: string;
  /** What was given, shown verbatim. */
  readonly given?: string;
  /** What is allowed. */
  readonly allowed?: string;
  /** How to mend it. */
  readonly mend?: string;
  readonly cause?: unknown;
}

/** Process exit codes of the command line. */
export const exitCodes = {
  ok: 0,
  /** A bug of ours: anything that is not a GFNetError. */
  unexpected: 1,
  /** Bad input: usage, configuration, data or files. */
  badInput: 2,
  /** The engine (TensorFlow) cannot be obtained or started. */
  engine: 3,
  /** Training diverged. */
  diverged: 4,
  /** Of processes that train together one was lost. */
  workerLost: 5,
  /** The time given is up, after saving; as of `timeout`. */
  timeUp: 124,
  /** Interrupted by SIGINT, after saving. */
  interrupted: 130,
} as const;

export abstract class GFNetError extends Error {
  readonly explanation: Explanation;
  readonly exitCode: number = exitCodes.badInput;

  constructor(explanation: Explanation) {
    const lines = [explanation.problem];
    if (explanation.given !== undefined) lines.push(`  given:   ${explanation.given}`);
    if (explanation.allowed !== undefined) lines.push(`  allowed: ${explanation.allowed}`);
    if (explanation.mend !== undefined) lines.push(`  mend:    ${explanation.mend}`);
    super(lines.join('\n'), explanation.cause === undefined ? undefined : { cause: explanation.cause });
    this.explanation = explanation;
    this.name = new.target.name;
  }
}

/** A command, option or argument that does not exist or does not fit. */
export class UsageError extends GFNetError {}
/** A configuration file, preset or `--set` that does not fit its schema. */
export class ConfigError extends GFNetError {}
/** A data set that cannot be read or does not fit the model. */
export class DataError extends GFNetError {}
/** An image that cannot be decoded. */
export class ImageError extends GFNetError {}
/** A checkpoint that is missing, damaged, foreign, or of another architecture. */
export class CheckpointError extends GFNetError {}
/** A run folder that cannot be written, is in use, or lacks what is asked of it. */
export class RunError extends GFNetError {}
/** TensorFlow cannot be obtained, built or started. */
export class EngineError extends GFNetError {
  override readonly exitCode = exitCodes.engine;
}
/** An exported model that is missing, damaged or foreign. */
export class BundleError extends GFNetError {}
/** A network cannot be written as ONNX, or does not give there what it gives here. */
export class ExportError extends GFNetError {}
/** A function given to `compile` does something a graph function cannot. */
export class TracingError extends GFNetError {
  override readonly exitCode = exitCodes.unexpected;
}
/** The loss or a parameter became NaN or infinite. */
export class DivergedError extends GFNetError {
  override readonly exitCode = exitCodes.diverged;
}
/** A process that trains together with this one has ended, hangs or cannot be reached. */
export class WorkerLostError extends GFNetError {
  override readonly exitCode = exitCodes.workerLost;
}
/** The time given for the work is up; what was done is saved. */
export class TimeUpError extends GFNetError {
  override readonly exitCode = exitCodes.timeUp;
}
/** The user interrupted the work; what was done is saved. */
export class InterruptedError extends GFNetError {
  override readonly exitCode = exitCodes.interrupted;
}

/** Whether TensorFlow says so of an operation, or JavaScript of an array. */
export function isOutOfMemory(error: unknown): error is Error {
  return error instanceof RangeError
    ? /^(Invalid typed array length: \d|Array buffer allocation failed)/.test(error.message)
    : error instanceof Error && error.message.includes('OOM when allocating');
}
