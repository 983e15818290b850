/** Requests to a server on this machine: as many at a time as it answers, or at a rate that does not wait for its answers. */
import { Agent, request } from 'node:http';
import autocannon from 'autocannon';

/** What came of requests; times in milliseconds. */
export interface Load {
  readonly sent: number;
  /** How many were answered with each status; 0: not answered at all. */
  readonly statuses: ReadonlyMap<number, number>;
  /** Of those that were answered with other than 503: they were taken in. */
  readonly accepted: readonly number[];
  /** From the first request to the last answer. */
  readonly milliseconds: number;
}

const contentType = 'application/octet-stream';
/** Status of what the server had no room for. */
const refused = 503;

/** So many connections, each with its next request as soon as the one before is answered. */
export async function closedLoad(
  url: string,
  bodies: readonly Uint8Array[],
  { connections, amount }: { readonly connections: number; readonly amount: number },
): Promise<Load> {
  const tally = new Tally();
  const started = performance.now();
  await new Promise((resolve, reject) => {
    const load = autocannon(
      {
        url,
        connections,
        amount,
        method: 'POST',
        headers: { 'content-type': contentType },
        requests: bodies.map(body => ({ body: Buffer.from(body) })),
        timeout: 60,
      },
      (error: unknown, result) => {
        if (error) reject(error instanceof Error ? error : new Error('the load could not be made'));
        else resolve(result);
      },
    );
    load.on('response', (_, status, __, time) => tally.note(status, time));
  });
  return tally.load(amount, performance.now() - started);
}

/** Requests at times that are set beforehand, whatever becomes of those before. @param rate requests a second */
export async function openLoad(
  url: string,
  bodies: readonly Uint8Array[],
  { rate, seconds }: { readonly rate: number; readonly seconds: number },
): Promise<Load> {
  const agent = new Agent({ keepAlive: true });
  const tally = new Tally();
  const pending: Promise<void>[] = [];
  const total = Math.round(rate * seconds);
  const started = performance.now();
  while (pending.length < total) {
    const due = Math.min(total, Math.ceil(((performance.now() - started) * rate) / 1000));
    while (pending.length < due) {
      const sentAt = performance.now();
      const body = bodies[pending.length % bodies.length] ?? new Uint8Array();
      pending.push(post(url, body, agent).then(status => tally.note(status, performance.now() - sentAt)));
    }
    await new Promise(resolve => setTimeout(resolve, 2));
  }
  await Promise.all(pending);
  agent.destroy();
  return tally.load(total, performance.now() - started);
}

/** The status; 0 where there is no answer. */
function post(url: string, body: Uint8Array, agent: Agent): Promise<number> {
  return new Promise(resolve => {
    const sent = request(url, {
      method: 'POST',
      agent,
      headers: { 'content-type': contentType, 'content-length': body.length },
      timeout: 60_000,
    });
    sent.on('response', response => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
      response.on('error', () => resolve(0));
    });
    sent.on('timeout', () => sent.destroy(new Error('no answer')));
    sent.on('error', () => resolve(0));
    sent.end(body);
  });
}

class Tally {
  readonly #statuses = new Map<number, number>();
  readonly #accepted: number[] = [];

  note(status: number, time: number): void {
    this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1);
    if (status !== refused) this.#accepted.push(time);
  }

  load(sent: number, milliseconds: number): Load {
    const answered = [...this.#statuses.values()].reduce((sum, count) => sum + count, 0);
    const statuses = new Map(this.#statuses);
    if (answered < sent) statuses.set(0, (statuses.get(0) ?? 0) + sent - answered);
    return { sent, statuses, accepted: this.#accepted, milliseconds };
  }
}

/** The value that a share of them does not exceed; NaN of none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}
