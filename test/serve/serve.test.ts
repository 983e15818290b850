/** The server, over loopback, as a process of its own with children of its own. */
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Prediction } from '../../src/predict/prediction.js';
import { temporaryFolder } from '../checkpoint/support.js';
import { gfnet } from '../cli/support.js';
import type { Body, Running } from './support.js';
import {
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

function form(...images: readonly Uint8Array[]): FormData {
  const data = new FormData();
  images.forEach((image, i) => data.append('image', new Blob([Uint8Array.from(image)]), `${i}.png`));
  return data;
}

function fields(count: number): FormData {
  const data = new FormData();
  for (let i = 0; i < count; i++) data.append('note', String(i));
  return data;
}

describe('gfnet serve', () => {
  let bundle: string;
  let server: Running;
  let expected: Prediction;

  beforeAll(async () => {
    bundle = exported(folder);
    const args = ['--model', bundle, '--threshold', '1', '--json'];
    const printed = gfnet(folder, 'predict', join(packaged, 'example.png'), ...args).stdout;
    expected = (JSON.parse(printed) as Prediction[])[0] ?? expect.fail();
    // Time enough that none is turned away by how long a busy machine took for those before.
    const limits = ['--max-bytes', '300000', '--max-pixels', '1000000', '--deadline', '60000'];
    server = await startServer(bundle, ...limits);
  });
  afterAll(() => server.process.kill('SIGKILL'));

  it('answers raw bodies, forms and JSON as gfnet predict does', async () => {
    const base64 = example.toString('base64');
    const answers = [
      ...(await predictions(post(server, example, png))),
      ...(await predictions(post(server, example, { 'content-type': 'application/octet-stream' }))),
      ...(await predictions(post(server, form(example, example)))),
      ...(await predictions(post(server, JSON.stringify({ image: base64 }), json))),
      ...(await predictions(post(server, JSON.stringify({ images: [base64, base64] }), json))),
    ];
    expect(answers).toHaveLength(7);
    for (const { label, steps, boxes } of answers)
      expect({ label, steps, boxes }).toEqual({
        label: expected.label,
        steps: expected.steps,
        boxes: expected.boxes,
      });
    const [glance] = await predictions(post(server, example, png, 'threshold=0.01&topK=2'));
    expect(glance).toMatchObject({ steps: 1, boxes: [] });
    expect(glance?.top).toHaveLength(2);
    const [cheap] = await predictions(post(server, example, png, 'budget=9300000'));
    expect(cheap?.steps).toBe(1);
    const [slow] = await predictions(post(server, example, png, 'budget=100000ms'));
    expect(slow?.steps).toBeGreaterThan(1);
  });

  it.each<[string, number, Body, Record<string, string>, string?]>([
    ['no image', 422, 'not an image', png],
    ['nothing', 400, '', png],
    ['JSON that is none', 400, '{"image":', json],
    ['JSON of another form', 400, '{"picture": "aGk="}', json],
    ['text that is no base64', 400, '{"image": "?"}', json],
    ['another type', 415, '<image/>', { 'content-type': 'application/xml' }],
    ['text', 415, 'aGk=', { 'content-type': 'text/plain' }],
    ['a body that is compressed', 415, example, { ...png, 'content-encoding': 'gzip' }],
    ['too many bytes', 413, Buffer.alloc(300_001), png],
    ['too many images', 413, form(...Array.from({ length: 17 }, () => example)), {}],
    ['a form of too many parts', 413, fields(33), {}],
    ['an empty form', 400, form(), {}],
    ['a threshold out of range', 400, example, png, 'threshold=2'],
    ['a threshold that is none', 400, example, png, 'threshold=high'],
    ['a threshold and a budget', 400, example, png, 'threshold=0.5&budget=1e7'],
    ['a budget below the glance', 400, example, png, 'budget=5'],
    ['a budget of time below the glance', 400, example, png, 'budget=0.000001ms'],
    ['a budget that is none', 400, example, png, 'budget=5s'],
    ['an unknown option', 400, example, png, 'treshold=0.5'],
  ])('refuses %s with %i, saying why', async (_, code, body, headers, query) => {
    const response = await post(server, body, headers, query);
    expect(response.status).toBe(code);
    const { error } = (await response.json()) as { error: { problem: string } };
    expect(error.problem.length).toBeGreaterThan(5);
  });

  it.each([
    ['{"picture": "aGk="}', 'Unrecognized key: "picture"'],
    ['{}', 'either an image or images'],
    ['{"image": "aGk=", "images": ["aGk="]}', 'either an image or images'],
    ['{"images": "aGk="}', 'expected array, received string'],
    ['{"images": ["aGk=", "?", 1]}', 'image 2: not base64'],
    ['{"image": ""}', 'image 1: empty'],
    ['{"image": null}', 'image 1: not base64'],
    ['[]', 'expected object, received array'],
  ])('tells what is wrong with %s, and what is allowed', async (body, wrong) => {
    const response = await post(server, body, json);
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({
      error: {
        problem: 'the JSON is not understood',
        given: expect.stringContaining(wrong) as string,
        allowed: '{"image": BASE64} or {"images": [BASE64, ...]}',
      },
    });
  });

  it('tells which types of bodies it takes', async () => {
    const response = await post(server, '<image/>', { 'content-type': 'application/xml' });
    expect(await response.json()).toMatchObject({
      error: { given: 'application/xml', allowed: expect.stringContaining('image/*') as string },
    });
  });

  it.each([
    ['an address that cannot be decoded', 'GET /%ff HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n', 400],
    ['what is no HTTP', 'hello\r\n\r\n', 400],
    ['headers without end', `GET / HTTP/1.1\r\na: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
  ])('answers %s in the form of its other errors', async (_, sent, code) => {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    socket.write(sent);
    const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n');
    expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${code} `));
    const { error, ...others } = JSON.parse(body) as { error: { problem: string } };
    expect(error.problem.length).toBeGreaterThan(5);
    expect(others).toEqual({});
  });

  it('refuses a form that is too large as a whole: by its length before it comes, or as soon as that much has come', async () => {
    const type = { 'content-type': 'multipart/form-data; boundary=x' };
    const file = (i: number): string =>
      `--x\r\ncontent-disposition: form-data; name="${i}"; filename="a"\r\n\r\n${'a'.repeat(100_000)}\r\n`;
    const field = `--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n${'a'.repeat(300_000)}\r\n`;
    for (const [headers, parts] of [
      [{ 'content-length': '300001' }, []],
      [{}, [0, 1, 2].map(file)],
      [{}, [field]],
    ] as const) {
      // Never ended: who waits for all of it does not answer.
      const sent = request(`${server.url}/predict`, { method: 'POST', headers: { ...type, ...headers } });
      sent.on('error', () => undefined).flushHeaders();
      for (const part of parts) sent.write(part);
      const [response] = (await once(sent, 'response')) as [IncomingMessage];
      expect(response.statusCode).toBe(413);
      sent.destroy();
    }
  });

  it('refuses an image of too many pixels before it decodes it, and tells one bad image among good ones', async () => {
    const sharp = (await import('sharp')).default;
    const create = { width: 4000, height: 4000, channels: 3, background: 'black' } as const;
    const large = await sharp({ create }).png().toBuffer();
    const response = await post(server, form(example, large, Buffer.from('none')));
    expect(response.status).toBe(200);
    const { predictions: answers } = (await response.json()) as { predictions: object[] };
    expect(answers).toMatchObject([
      { label: expected.label },
      { error: { problem: 'the image is too large' } },
      { error: { problem: expect.stringContaining('not an image') as string } },
    ]);
  });

  it('computes images of several requests together, and counts what it did', async () => {
    const names = ['gfnet_batch_images_count', 'gfnet_steps_count'];
    const before = await metrics(server, names);
    await Promise.all(Array.from({ length: 48 }, () => predictions(post(server, example, png))));
    const after = await metrics(server, names);
    expect((after[1] ?? 0) - (before[1] ?? 0)).toBe(48);
    expect((after[0] ?? 0) - (before[0] ?? 0)).toBeLessThan(40);
    expect(await metric(server, 'gfnet_queue_images')).toBe(0);
  });

  it('counts each request once, by how it was answered, and its images by their steps', async () => {
    const none = Buffer.from('none');
    const requests: [Body, Record<string, string>, string?][] = [
      [example, png, 'threshold=0.01'],
      [form(example, example, none), {}, 'threshold=0.01'],
      [example, png, 'threshold=1'],
      [none, png],
      ['{"image":', json],
      [example, png, 'threshold=2'],
      [Buffer.alloc(300_001), png],
      ['<image/>', { 'content-type': 'application/xml' }],
    ];
    const codes = [200, 422, 400, 413, 415].map(code => `gfnet_requests_total{code="${code}"}`);
    const steps = [1, 2, 3, expected.steps].map(step => `gfnet_exits_total{step="${step}"}`);
    const names = [...codes, ...steps, 'gfnet_request_seconds_count', 'gfnet_request_seconds_sum'];
    const before = await metrics(server, names);
    const started = performance.now();
    for (const request of requests) await (await post(server, ...request)).text();
    const seconds = (performance.now() - started) / 1000;
    const after = await metrics(server, names);
    const counted = after.map((count, i) => count - (before[i] ?? 0));
    const sum = counted.pop() ?? 0;
    expect(counted).toEqual([3, 1, 2, 1, 1, 3, 0, 0, 1, requests.length]);
    // Images wait 4 ms for others; nothing takes longer than it takes its client.
    expect(sum).toBeGreaterThan(0.012);
    expect(sum).toBeLessThan(seconds);
  });

  it('replaces a child that is killed, and answers what it was at', async () => {
    const lost = await metric(server, 'gfnet_workers_lost_total');
    const [child = 0] = server.children();
    const requests = Array.from({ length: 64 }, () => predictions(post(server, example, png)));
    await new Promise(resolve => setTimeout(resolve, 30));
    process.kill(child, 'SIGKILL');
    for (const answer of await Promise.all(requests)) expect(answer[0]?.label).toBe(expected.label);
    expect(await metric(server, 'gfnet_workers_lost_total')).toBe(lost + 1);
    expect(server.children()).not.toContain(child);
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
  });

  it('loads the bundle anew when it is told to, and keeps the old one where the new one is damaged', async () => {
    const old = server.children();
    server.process.kill('SIGHUP');
    await server.printed('loaded anew');
    await expect.poll(() => server.children().filter(pid => old.includes(pid))).toEqual([]);
    await predictions(post(server, example, png));
    const manifest = readFileSync(join(bundle, 'bundle.json'));
    writeFileSync(join(bundle, 'bundle.json'), '{}');
    server.process.kill('SIGHUP');
    await server.printed('the old model stays');
    writeFileSync(join(bundle, 'bundle.json'), manifest);
    await predictions(post(server, example, png));
  });

  it('shows its pages, and says that it lives and is ready', async () => {
    for (const page of ['/docs/', '/livez', '/readyz', '/metrics'])
      expect((await fetch(server.url + page)).status).toBe(200);
    expect((await fetch(`${server.url}/none`)).status).toBe(404);
    expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:/);
  });
});
