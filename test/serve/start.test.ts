/** What keeps the server from starting is told as it is for any command, and nothing goes on running. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { beforeAll, expect, it } from 'vitest';
import { temporaryFolder } from '../checkpoint/support.js';
import { exported, start } from './support.js';

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
