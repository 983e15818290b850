/** What is answered to a request that fails: a status code, and the error's parts as JSON. */
import type { FastifyReply } from 'fastify';
import type { Explanation } from '../errors/index.js';
import { GFNetError, UsageError } from '../errors/index.js';
import { QueueFull, TooLate } from './batcher.js';
import { ChildLost } from './child.js';
import type { Reason } from './messages.js';
import { reasonOf } from './messages.js';

/** A request that is refused with a status of its own. */
export class Refused extends UsageError {
  constructor(
    readonly statusCode: number,
    explanation: Explanation,
  ) {
    super(explanation);
  }
}

interface Failure {
  readonly code: number;
  readonly error: Reason;
  /** Seconds. */
  readonly retryAfter?: number;
}

export function fail(reply: FastifyReply, error: unknown): void {
  const { code, error: reason, retryAfter } = failureOf(error);
  if (code === 500)
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  if (retryAfter !== undefined) void reply.header('retry-after', String(retryAfter));
  void reply.code(code).send({ error: reason });
}

function failureOf(error: unknown): Failure {
  if (error instanceof QueueFull)
    return {
      code: 503,
      error: { problem: 'too many images wait', mend: 'try again later' },
      retryAfter: Math.max(1, error.seconds),
    };
  if (error instanceof TooLate)
    return { code: 504, error: { problem: 'the answer would have come after the deadline' } };
  if (error instanceof ChildLost)
    return { code: 500, error: { problem: 'the process that computed the answer ended, twice' } };
  if (error instanceof GFNetError)
    return { code: error instanceof Refused ? error.statusCode : 400, error: reasonOf(error) };
  const code = statusOf(error);
  const problem = code < 500 && error instanceof Error ? error.message : 'an error of the server';
  return { code, error: { problem } };
}

/** As fastify and its plugins note it. */
function statusOf(error: unknown): number {
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500;
  return status >= 400 && status < 600 ? status : 500;
}
