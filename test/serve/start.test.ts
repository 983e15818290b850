/** What keeps the server from starting is told as it is for any command, and nothing goes on running. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { temporaryFolder } from '../checkpoint/support.js';
import { example, exported, png, post, predictions, start, startServer } from './support.js';

const folder = temporaryFolder();
let bundle: string;
beforeAll(() => {
  bundle = exported(folder);
});

/** Until it has ended by itself; what it told. */
async function refusal(...args: readonly string[]): Promise<string> {
  const { process: child, output } = start(bundle, args, { timeout: 30_000 });
  const [code] = (await once(child, 'close')) as [number | null];
  expect(output()).not.toMatch(/^ +at /m);
  expect(code).toBe(2);
  return output();
}

it('ends where its port is in use', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const told = await refusal('--port', String(port));
  expect(told).toMatch(new RegExp(`cannot be listened on.*port ${port}.*EADDRINUSE.*--port`, 's'));
  other.close();
});

it('ends where its host is no address of this machine', async () => {
  // Of those for documentation (RFC 5737).
  expect(await refusal('--host', '192.0.2.1')).toMatch(/cannot be listened on.*192\.0\.2\.1.*--host/s);
});

it.each([
  [['--port', '70000'], 'from 0 to 65535'],
  // Beyond what timers take, and would then not wait at all.
  [['--deadline', '2147483648'], 'from 1 to 2147483647'],
  [['--delay', '3000000000'], 'from 0 to 2147483647'],
])('ends where a number is out of range: %s', async (args, allowed) => {
  expect(await refusal(...args)).toContain(
    `argument '${args[1] ?? ''}' is invalid. a whole number, ${allowed}`,
  );
});

it('takes the longest deadline as one', async () => {
  const server = await startServer(bundle, '--deadline', '2147483647');
  await predictions(post(server, example, png));
  expect(server.output()).not.toMatch(/warning/i);
  server.process.kill('SIGKILL');
});

it('ends where the token’s file cannot be read', async () => {
  expect(await refusal('--token-file', join(folder, 'none'))).toMatch(/cannot be read.*none.*ENOENT/s);
});

it.each(['', ' \n', 'two words', 'schlüssel', 'tab\tinside', 'two\nlines'])(
  'ends where no header can hold the token: %j',
  async token => {
    writeFileSync(join(folder, 'token'), token);
    const told = await refusal('--token-file', join(folder, 'token'));
    expect(told).toMatch(/token’s file.*allowed: .*ASCII/s);
    if (token.trim() !== '') expect(told).not.toContain(token);
  },
);
