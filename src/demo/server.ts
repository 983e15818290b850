/** Serves the demo's page, a bundle and example images to browsers of this machine. */
import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import fastify from 'fastify';
import { readBundle } from '../bundle/files.js';
import { manifestFile } from '../bundle/manifest.js';
import { EngineError, UsageError } from '../errors/index.js';

export interface DemoImage {
  readonly name: string;
  /** As a browser can decode it: PNG, JPEG, ... */
  readonly content: Uint8Array;
}

export interface DemoServer {
  readonly url: string;
  close(): Promise<void>;
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.wasm': 'application/wasm',
  '.json': 'application/json; charset=utf-8',
};

const headers = {
  // Isolated from other origins a page may share memory among threads.
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-resource-policy': 'same-origin',
  'content-security-policy':
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; img-src 'self' blob: data:; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-cache',
};

/**
 * On the loopback interface alone.
 * @param page the folder that bundle-page.mjs makes
 * @param port 0 takes any that is free
 * @throws BundleError where the bundle is missing or damaged; EngineError where the page was not built; UsageError for a port in use
 */
export async function serveDemo(
  bundle: string,
  images: readonly DemoImage[],
  page: string,
  port: number,
): Promise<DemoServer> {
  const { name, files } = readBundle(bundle);
  const examples = images.map((image, i) => ({ name: image.name, address: `examples/${i}` }));
  const app = fastify({ forceCloseConnections: true });
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(headers);
    // Another name for this machine would be another site that reads what is served here.
    if (!/^(localhost|127\.0\.0\.1)$/.test(request.hostname)) await reply.code(403).send();
  });
  const give = (address: string, path: string): void => {
    app.get(address, async (_, reply) =>
      reply.type(types[extname(path)] ?? 'application/octet-stream').send(await readFile(path)),
    );
  };
  for (const file of pageFiles(page)) give(file === 'index.html' ? '/' : `/${file}`, join(page, file));
  for (const file of [manifestFile, ...Object.keys(files)]) give(`/bundle/${file}`, join(bundle, file));
  const runtime = dirname(
    createRequire(import.meta.url).resolve('onnxruntime-web/ort-wasm-simd-threaded.wasm'),
  );
  for (const build of ['', '.asyncify'])
    for (const kind of ['mjs', 'wasm']) {
      const file = `ort-wasm-simd-threaded${build}.${kind}`;
      give(`/runtime/${file}`, join(runtime, file));
    }
  app.get('/page.json', () => ({ name, examples }));
  images.forEach(({ content }, i) =>
    app.get(`/examples/${i}`, (_, reply) =>
      reply.type('application/octet-stream').send(Buffer.from(content)),
    ),
  );
  try {
    return { url: `${await app.listen({ host: '127.0.0.1', port })}/`, close: () => app.close() };
  } catch (cause) {
    throw new UsageError({
      problem: 'the port cannot be listened on',
      given: String(port),
      mend: 'choose another with --port; 0 takes any that is free',
      cause,
    });
  }
}

function pageFiles(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (cause) {
    throw new EngineError({
      problem: 'the page has not been built',
      given: folder,
      mend: 'run npm run build',
      cause,
    });
  }
}
