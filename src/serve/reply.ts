/** What is answered to a request that fails: a status code, and the error's parts as JSON. */
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
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

/** Answers what is no request by HTTP, or none that comes in time, and ends its connection. @param code Node's, of the error */
export function endMalformed(socket: Socket, code: string): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const [status, problem] = malformed[code] ?? [400, 'the request is not HTTP'];
  const body = JSON.stringify({ error: { problem } });
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

const malformed: Readonly<Record<string, readonly [number, string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'the request did not come in time'],
  HPE_HEADER_OVERFLOW: [431, 'the request’s headers are too large'],
};

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
