/** Bodies of any bytes are refused or answered, and harm neither the server nor its children. `npm run fuzz` sends 100,000. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { stream, uniform } from '../../src/random/index.js';
import { temporaryFolder } from '../checkpoint/support.js';
import type { Running } from './support.js';
import { example, exported, metric, png, post, predictions, startServer } from './support.js';

const atOnce = 16;
const rounds = Math.ceil(Number(process.env.GFNET_FUZZ_CASES ?? 3500) / atOnce);
const folder = temporaryFolder();
let server: Running;

beforeAll(async () => {
  server = await startServer(exported(folder));
});
afterAll(() => server.process.kill('SIGKILL'));

const sources = [
  { type: 'image/png', body: example },
  { type: 'application/json', body: Buffer.from(JSON.stringify({ images: [example.toString('base64')] })) },
  {
    type: 'multipart/form-data; boundary=x',
    body: Buffer.concat([
      Buffer.from('--x\r\ncontent-disposition: form-data; name="a"; filename="b"\r\n\r\n'),
      example,
      Buffer.from('\r\n--x--\r\n'),
    ]),
  },
];
const types = [...sources.map(({ type }) => type), 'application/octet-stream'];
const random = stream(7, 'bodies');

/** One of the sources: up to 7 bytes changed, one in four cut off, one in four of a type that is not its own. */
function sample(): { type: string; body: Buffer } {
  const [kind = 0, count = 0, cut = 0, mixed = 0] = uniform(random, 4);
  const source = sources[Math.floor(kind * sources.length)] ?? expect.fail();
  const body = Buffer.from(source.body);
  for (let left = Math.floor(count * 8); left > 0; left--) {
    const [place = 0, value = 0] = uniform(random, 2);
    body[Math.floor(place * body.length)] = Math.floor(value * 256);
  }
  return {
    type: (mixed < 0.25 ? types[Math.floor(4 * mixed * types.length)] : undefined) ?? source.type,
    body: cut < 0.25 ? body.subarray(0, Math.floor(4 * cut * body.length)) : body,
  };
}

it(
  'survives bodies of any bytes',
  async () => {
    const codes = new Map<number, number>();
    for (let round = 0; round < rounds; round++) {
      const bodies = Array.from({ length: atOnce }, sample);
      const answers = bodies.map(({ type, body }) => post(server, body, { 'content-type': type }));
      for (const response of await Promise.all(answers)) {
        await response.arrayBuffer();
        codes.set(response.status, (codes.get(response.status) ?? 0) + 1);
      }
    }
    if (process.env.GFNET_FUZZ_CASES !== undefined) console.log(codes);
    expect([...codes.keys()].sort()).toEqual([200, 400, 422]);
    await predictions(post(server, example, png));
    expect(await metric(server, 'gfnet_workers_lost_total')).toBe(0);
  },
  60_000 + 20 * rounds * atOnce,
);
