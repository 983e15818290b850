/** The HTTP server: takes images, lets child processes compute them in batches, answers in time or says that it cannot. */
import { timingSafeEqual } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance, FastifyRequest, onRequestAsyncHookHandler } from 'fastify';
import fastify from 'fastify';
import { readContent } from '../bundle/files.js';
import { UsageError } from '../errors/index.js';
import { createMetrics } from './metrics.js';
import { Batcher } from './batcher.js';
import { openApi } from './document.js';
import { formType, mediaTypes } from './images.js';
import { type ServeOptions, threadsOf } from './options.js';
import { oneAtATime } from './one-at-a-time.js';
import type { PoolEvents } from './pool.js';
import { Pool } from './pool.js';
import { addPredict } from './predict.js';
import { endMalformed, fail, Refused } from './reply.js';

export interface Server {
  readonly url: string;
  /** Loads the bundle anew, as it is now or later, then answers with it; the old one finishes what it is at. @throws BundleError or EngineError, and the old one stays */
  reload(): Promise<void>;
  /** Takes no more requests, answers those it has, and ends. */
  close(): Promise<void>;
}

/** @throws BundleError where the bundle is missing or damaged; EngineError where it cannot be loaded; UsageError where the address cannot be listened on */
export async function serve(
  bundle: string,
  options: ServeOptions,
  token: string | undefined,
): Promise<Server> {
  let pool: Pool | undefined;
  const metrics = createMetrics({ queue: () => batcher.waiting, workers: () => pool?.size ?? 0 });
  const batcher = new Batcher(() => pool, {
    ...options,
    onBatch: images => metrics.batches.observe(images),
  });
  const events: PoolEvents = {
    onFree: () => batcher.dispatch(),
    onLost(how) {
      metrics.lost.inc();
      process.stderr.write(`a process with the model ended (${how}) and is replaced\n`);
    },
    onFailed: error =>
      process.stderr.write(
        `a process with the model did not start, and is tried again: ${error instanceof Error ? error.message : String(error)}\n`,
      ),
  };
  // Read once for all children of a pool: whatever becomes of the files, they have the same model.
  const load = async (): Promise<Pool> => {
    const setting = {
      bundle: await readContent(bundle),
      threads: threadsOf(options),
      maxPixels: options.maxPixels,
    };
    return Pool.start(setting, options.workers, options.deadline, events);
  };
  pool = await load();
  let ready = true;
  const app = fastify({
    bodyLimit: options.maxBytes,
    forceCloseConnections: 'idle',
    requestTimeout: 60_000,
    frameworkErrors: (error, _, reply) => fail(reply, error),
    clientErrorHandler: (error, socket) => endMalformed(socket, error.code),
  });
  // A connection that was kept alive would keep the server from its end.
  app.addHook('onSend', (_, reply, __, done) => {
    if (!ready) void reply.header('connection', 'close');
    done();
  });
  await prepare(app, options, token !== undefined);
  app.get('/livez', () => ({ status: 'alive' }));
  app.get('/readyz', (_, reply) =>
    ready && (pool?.size ?? 0) > 0 ? { status: 'ready' } : reply.code(503).send({ status: 'not ready' }),
  );
  await app.register((guarded, _, done) => {
    if (token !== undefined) guarded.addHook('onRequest', askFor(token));
    guarded.get('/metrics', (_, reply) => {
      void reply.type(metrics.registry.contentType);
      return metrics.registry.metrics();
    });
    addPredict(guarded, { batcher, metrics, options });
    done();
  });
  const url = await listen(app, options).catch(async (error: unknown) => {
    await pool?.close();
    throw error;
  });
  return {
    url,
    reload: oneAtATime(async () => {
      const next = await load();
      const old = pool;
      pool = next;
      batcher.dispatch();
      await old?.close();
    }),
    async close() {
      ready = false;
      // After the deadline every request is answered; who has not sent a whole one is not waited for.
      await Promise.race([app.close(), setTimeout(options.deadline, undefined, { ref: false })]);
      await pool?.close();
    },
  };
}

async function listen(app: FastifyInstance, { host, port }: ServeOptions): Promise<string> {
  try {
    return await app.listen({ host, port });
  } catch (cause) {
    throw new UsageError({
      problem: 'the address cannot be listened on',
      given: `${host}, port ${port}: ${cause instanceof Error ? cause.message : String(cause)}`,
      mend: 'choose another --port (0 takes any that is free), or as --host an address of this machine',
      cause,
    });
  }
}

async function prepare(app: FastifyInstance, options: ServeOptions, guarded: boolean): Promise<void> {
  const raw = { parseAs: 'buffer' } as const;
  for (const type of [formType, 'application/octet-stream', /^image\//])
    app.addContentTypeParser(type, raw, (_, body, done) => done(null, body));
  // Fastify would take it by itself, as text.
  app.removeContentTypeParser('text/plain');
  app.addContentTypeParser('*', ({ headers }, _, done) =>
    done(
      new Refused(415, {
        problem: 'the body is of a type that is not taken',
        given: headers['content-type'] ?? 'none',
        allowed: mediaTypes,
      }),
    ),
  );
  app.addHook('preParsing', ({ headers }, _, __, done) => {
    const encoding = headers['content-encoding'] ?? 'identity';
    if (encoding.toLowerCase() === 'identity') done();
    else
      done(
        new Refused(415, { problem: 'the body is encoded', given: encoding, allowed: 'no Content-Encoding' }),
      );
  });
  app.setErrorHandler((error, _, reply) => fail(reply, error));
  app.setNotFoundHandler((_, reply) =>
    reply.code(404).send({ error: { problem: 'no such page', allowed: '/docs lists them' } }),
  );
  await app.register(swagger, {
    mode: 'static',
    specification: { document: openApi(options, guarded) as never },
  });
  await app.register(swaggerUi, { routePrefix: '/docs' });
}

function askFor(token: string): onRequestAsyncHookHandler {
  return async (request, reply) => {
    if (bears(request, token)) return;
    await reply
      .code(401)
      .header('www-authenticate', 'Bearer')
      .send({ error: { problem: 'a token is needed', mend: 'send Authorization: Bearer TOKEN' } });
  };
}

/** Compared in a time that says nothing of where they differ. */
function bears({ headers }: FastifyRequest, token: string): boolean {
  const [, text = ''] = /^bearer +(.*)$/i.exec(headers.authorization ?? '') ?? [];
  const [given, wanted] = [Buffer.from(text), Buffer.from(token)];
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}
