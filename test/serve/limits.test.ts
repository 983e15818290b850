/** The server within narrow limits, and behind a token. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../checkpoint/support.js';
import { gfnet } from '../cli/support.js';
import type { Running } from './support.js';
import {
  ended,
  example,
  exported,
  json,
  metric,
  metrics,
  packaged,
  png,
  post,
  predictions,
  startServer,
} from './support.js';

const folder = temporaryFolder();
let bundle: string;
beforeAll(() => {
  bundle = exported(folder);
});

describe('a queue of 4 images behind a token', () => {
  const bearer = { authorization: 'Bearer secret' };
  let server: Running;
  beforeAll(async () => {
    writeFileSync(join(folder, 'token'), 'secret\n');
    const args = ['--queue', '4', '--batch', '1', '--token-file', join(folder, 'token')];
    server = await startServer(bundle, ...args);
  });
  afterAll(() => server.process.kill('SIGKILL'));

  it('asks for the token where something is computed or told, and counts who has none', async () => {
    for (const authorization of ['', 'secret', 'Bearer', 'Bearer secret2', 'Bearer Secret', 'Basic secret']) {
      const response = await post(server, example, { ...png, authorization });
      expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    }
    for (const path of ['/metrics', '/metrics?/livez'])
      expect((await fetch(server.url + path)).status).toBe(401);
    for (const scheme of ['Bearer', 'bearer', 'BEARER '])
      await predictions(post(server, example, { ...png, authorization: `${scheme} secret` }));
    const counted = ['401', '200'].map(code => `gfnet_requests_total{code="${code}"}`);
    expect(await metrics(server, counted, bearer)).toEqual([6, 3]);
  });

  it('shows anyone its documentation, and whether it lives', async () => {
    const paths = ['/livez', '/readyz', '/livez?probe=1', '/docs/', '/docs/static/swagger-ui.css'];
    for (const path of paths) expect((await fetch(server.url + path)).status).toBe(200);
    const document = (await (await fetch(`${server.url}/docs/json`)).json()) as Document;
    expect(document.components?.securitySchemes).toEqual({ bearer: { type: 'http', scheme: 'bearer' } });
    expect(secured(document)).toEqual(['/predict', '/metrics']);
    expect(document.paths['/predict']?.post?.responses).toHaveProperty('401');
  });

  it('takes no more images in a request than the queue does, and says so: waiting would not help', async () => {
    const ask = (count: number): Promise<Response> => {
      const images = Array<string>(count).fill(example.toString('base64'));
      return post(server, JSON.stringify({ images }), { ...json, ...bearer });
    };
    expect(await predictions(ask(4))).toHaveLength(4);
    const response = await ask(5);
    expect([response.status, response.headers.get('retry-after')]).toEqual([413, null]);
    expect(await response.json()).toMatchObject({ error: { given: '5', allowed: '1 to 4' } });
    const document = await (await fetch(`${server.url}/docs/json`)).text();
    expect(document).toContain('Up to 4 images a request');
  });

  it('refuses what the queue has no room for', async () => {
    const responses = await Promise.all(
      Array.from({ length: 60 }, () => post(server, example, { ...png, ...bearer })),
    );
    const refused = responses.filter(({ status }) => status !== 200);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.length).toBeLessThan(60);
    for (const { status, headers } of refused)
      expect([status, headers.get('retry-after')]).toEqual([503, '1']);
    server.process.kill('SIGTERM');
    expect(await ended(server)).toBe(0);
  });
});

interface Operation {
  readonly security?: readonly object[];
  readonly responses: object;
}
interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components?: { readonly securitySchemes?: object };
}

/** The paths that ask for a token. */
function secured({ paths }: Document): string[] {
  return Object.keys(paths).filter(path =>
    Object.values(paths[path] ?? {}).some(({ security }) => security !== undefined),
  );
}

/** Sends half of `body`, and the rest after so many milliseconds; the status code of the answer. */
async function slowly(
  { url }: Running,
  body: Buffer,
  headers: Record<string, string>,
  pause: number,
): Promise<number | undefined> {
  const length = { 'content-length': String(body.length) };
  const sent = request(`${url}/predict?threshold=1`, { method: 'POST', headers: { ...headers, ...length } });
  sent.write(body.subarray(0, body.length / 2));
  const rest = setTimeout(() => sent.end(body.subarray(body.length / 2)), pause);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  await text(response);
  clearTimeout(rest);
  sent.destroy();
  return response.statusCode;
}

describe('a deadline of one second', () => {
  let server: Running;
  beforeAll(async () => {
    server = await startServer(bundle, '--deadline', '1000');
  });
  afterAll(() => server.process.kill('SIGKILL'));

  const part = '--x\r\ncontent-disposition: form-data; name="a"; filename="b"\r\n\r\n';
  const whole = Buffer.concat([Buffer.from(part), example, Buffer.from('\r\n--x--\r\n')]);
  it.each<[string, Buffer, Record<string, string>]>([
    ['an image', example, png],
    ['JSON', Buffer.from(JSON.stringify({ image: example.toString('base64') })), json],
    ['a form', whole, { 'content-type': 'multipart/form-data; boundary=x' }],
  ])('is counted, and is over, while %s is sent slowly', async (_, body, headers) => {
    const names = ['200', '504'].map(code => `gfnet_requests_total{code="${code}"}`);
    names.push('gfnet_request_seconds_count', 'gfnet_request_seconds_sum');
    const before = await metrics(server, names);
    expect(await slowly(server, body, headers, 300)).toBe(200);
    const started = performance.now();
    expect(await slowly(server, body, headers, 10_000)).toBe(504);
    expect(performance.now() - started).toBeGreaterThan(900);
    expect(performance.now() - started).toBeLessThan(5000);
    const after = await metrics(server, names);
    const [answered, late, count, seconds = 0] = after.map((value, i) => value - (before[i] ?? 0));
    expect([answered, late, count]).toEqual([1, 1, 2]);
    expect(seconds).toBeGreaterThan(1.2);
    expect(seconds).toBeLessThan(5);
  });

  it('computes on after clients that went away', async () => {
    const leaving = Array.from({ length: 32 }, (_, i) => {
      const signal = AbortSignal.timeout(i);
      return fetch(`${server.url}/predict`, { method: 'POST', headers: png, body: example, signal }).catch(
        () => undefined,
      );
    });
    await Promise.all(leaving);
    await expect.poll(() => metric(server, 'gfnet_queue_images')).toBe(0);
    // On a machine that is busy the first may be turned away, by how long those before took.
    await expect.poll(() => predictions(post(server, example, png)), { timeout: 10_000 }).toHaveLength(1);
    expect(await metric(server, 'gfnet_workers_lost_total')).toBe(0);
  });

  it('is told in the documentation, which asks for no token where none is set', async () => {
    const document = (await (await fetch(`${server.url}/docs/json`)).json()) as Document;
    expect(document.openapi).toMatch(/^3\.0\./);
    expect(Object.keys(document.paths)).toEqual(['/predict', '/livez', '/readyz', '/metrics']);
    expect(JSON.stringify(document.paths['/predict'])).toContain('within 1000 ms');
    expect(document.components).toBeUndefined();
    expect(secured(document)).toEqual([]);
    expect(document.paths['/predict']?.post?.responses).not.toHaveProperty('401');
  });
});

it('gives up what takes longer than the deadline to compute', async () => {
  const server = await startServer(bundle, '--deadline', '1', '--delay', '50');
  expect((await post(server, example, png)).status).toBe(504);
  server.process.kill('SIGKILL');
});

it('does not start with what is no bundle', () => {
  const { code, stderr } = gfnet(folder, 'serve', packaged);
  expect(code).toBe(2);
  expect(stderr).toMatch(/is missing\n.*bundle\.json/);
});
