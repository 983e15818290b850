/** How the server changes its model and how it ends, with clients that keep their connections. */
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { Agent, request } from 'node:http';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { beforeAll, expect, it } from 'vitest';
import { temporaryFolder } from '../checkpoint/support.js';
import type { Running } from './support.js';
import { ended, example, exported, metric, png, startServer } from './support.js';

const folder = temporaryFolder();
let bundle: string;
beforeAll(() => {
  bundle = exported(folder);
});

interface Answer {
  readonly code: number | undefined;
  readonly label: string | undefined;
}

/** Over connections of `agent`, which keeps them alive. */
async function ask({ url }: Running, agent: Agent): Promise<Answer> {
  const sent: ClientRequest = request(`${url}/predict?threshold=1`, { method: 'POST', agent, headers: png });
  sent.end(example);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  const { predictions } = JSON.parse(await text(response)) as { predictions?: { label: string }[] };
  return { code: response.statusCode, label: predictions?.[0]?.label };
}

async function connection({ url }: Running, start: string): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  await once(socket, 'connect');
  socket.on('error', () => undefined).write(start);
  return socket;
}

/** The bundle's description with other names of its classes. */
function relabelled(manifest: string, prefix: string): string {
  const { classes, ...rest } = JSON.parse(manifest) as { classes: string[] };
  return JSON.stringify({ ...rest, classes: classes.map(name => `${prefix} ${name}`) });
}

it('answers everything while it loads another model, and with that model afterwards', async () => {
  const server = await startServer(bundle);
  const agent = new Agent({ keepAlive: true });
  const { label = '' } = await ask(server, agent);
  const manifest = readFileSync(join(bundle, 'bundle.json'), 'utf8');
  writeFileSync(join(bundle, 'bundle.json'), relabelled(manifest, 'another'));
  const answers: Answer[] = [];
  let loaded = false;
  const clients = Array.from({ length: 16 }, async () => {
    while (!loaded) answers.push(await ask(server, agent));
  });
  server.process.kill('SIGHUP');
  await server.printed('loaded anew');
  const afterwards = await Promise.all(Array.from({ length: 32 }, () => ask(server, agent)));
  loaded = true;
  await Promise.all(clients);
  expect(answers.length).toBeGreaterThan(32);
  expect(new Set(answers.map(({ code }) => code))).toEqual(new Set([200]));
  expect(new Set(answers.map(answer => answer.label))).toEqual(new Set([label, `another ${label}`]));
  expect(new Set(afterwards.map(answer => answer.label))).toEqual(new Set([`another ${label}`]));
  agent.destroy();
  server.process.kill('SIGKILL');
  writeFileSync(join(bundle, 'bundle.json'), manifest);
});

it('loads one model at a time, and the bundle as it was when last told to', async () => {
  const server = await startServer(bundle);
  const agent = new Agent({ keepAlive: true });
  const { label = '' } = await ask(server, agent);
  const manifest = readFileSync(join(bundle, 'bundle.json'), 'utf8');
  let most = 0;
  const told = 5;
  for (let i = 1; i <= told; i++) {
    writeFileSync(join(bundle, 'bundle.json'), relabelled(manifest, String(i)));
    server.process.kill('SIGHUP');
    await new Promise(resolve => setTimeout(resolve, 20));
  }
  const loads = (): number => server.output().match(/loaded anew/g)?.length ?? 0;
  while (loads() < told) {
    most = Math.max(most, server.children().length);
    await new Promise(resolve => setTimeout(resolve, 5));
  }
  expect((await ask(server, agent)).label).toBe(`${told} ${label}`);
  // The old one, the new, and one that has just been told to end.
  expect(most).toBeLessThanOrEqual(3);
  agent.destroy();
  server.process.kill('SIGKILL');
  writeFileSync(join(bundle, 'bundle.json'), manifest);
});

it('replaces a child with the model it was started with, whatever has become of the bundle', async () => {
  const server = await startServer(bundle);
  const agent = new Agent({ keepAlive: true });
  const loaded = await ask(server, agent);
  const manifest = readFileSync(join(bundle, 'bundle.json'), 'utf8');
  for (const [text, refused] of [
    [relabelled(manifest, 'edited'), false],
    ['{}', true],
  ] as const) {
    writeFileSync(join(bundle, 'bundle.json'), text);
    if (refused) {
      server.process.kill('SIGHUP');
      await server.printed('the old model stays');
    }
    const [child = 0] = server.children();
    process.kill(child, 'SIGKILL');
    await expect.poll(() => fetch(`${server.url}/readyz`).then(({ status }) => status)).toBe(503);
    await expect
      .poll(() => fetch(`${server.url}/readyz`).then(({ status }) => status), { timeout: 60_000 })
      .toBe(200);
    expect(await ask(server, agent)).toEqual(loaded);
  }
  expect(server.output().match(/ended \(SIGKILL\) and is replaced/g)).toHaveLength(2);
  agent.destroy();
  server.process.kill('SIGKILL');
  writeFileSync(join(bundle, 'bundle.json'), manifest);
});

it('answers what has come and ends with 0 when it is told to end, though connections are kept alive', async () => {
  const server = await startServer(bundle, '--delay', '1000', '--batch', '64');
  const agent = new Agent({ keepAlive: true });
  const requests = Array.from({ length: 32 }, () => ask(server, agent));
  await expect.poll(() => metric(server, 'gfnet_queue_images')).toBe(32);
  const told = performance.now();
  server.process.kill('SIGTERM');
  const answers = await Promise.all(requests);
  expect(new Set(answers.map(({ code }) => code))).toEqual(new Set([200]));
  expect(await ended(server)).toBe(0);
  // Well before the deadline of requests, and what fastify keeps connections for (72 s).
  expect(performance.now() - told).toBeLessThan(5000);
  agent.destroy();
});

it('does not wait longer than the deadline for those who send no request, or none that ends', async () => {
  const server = await startServer(bundle, '--deadline', '1000');
  const sockets = await Promise.all(
    [
      '',
      'POST /predict HTTP/1.1\r\nhost: a\r\n',
      'POST /predict HTTP/1.1\r\nhost: a\r\ncontent-type: image/png\r\ncontent-length: 9\r\n\r\nhalf',
    ].map(start => connection(server, start)),
  );
  const told = performance.now();
  server.process.kill('SIGTERM');
  expect(await ended(server)).toBe(0);
  expect(performance.now() - told).toBeLessThan(5000);
  for (const socket of sockets) socket.destroy();
});
