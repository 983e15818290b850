/** `POST /predict`: takes images until the deadline, answers what became of them, and counts how. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { UsageError } from '../errors/index.js';
import type { Batcher } from './batcher.js';
import { TooLate } from './batcher.js';
import { Deadline } from './deadline.js';
import { imagesOf } from './images.js';
import type { ImageOutcome } from './messages.js';
import type { Metrics } from './metrics.js';
import { mostImages, RequestOptions, type ServeOptions } from './options.js';
import { fail } from './reply.js';

interface Means {
  readonly batcher: Batcher;
  readonly metrics: Metrics;
  readonly options: ServeOptions;
}

export function addPredict(app: FastifyInstance, means: Means): void {
  const { metrics, options } = means;
  app.decorateRequest('deadline', null);
  app.post('/predict', {
    onRequest(request, reply, done) {
      const deadline = new Deadline(options.deadline, () => {
        // Who has not sent everything by now would go on sending.
        if (!request.raw.complete) void reply.header('connection', 'close');
        fail(reply, new TooLate());
      });
      request.setDecorator('deadline', deadline);
      reply.raw.once('close', () => deadline.end());
      done();
    },
    onResponse(_, reply, done) {
      metrics.requests.inc({ code: reply.statusCode });
      metrics.latency.observe(reply.elapsedTime / 1000);
      done();
    },
    handler: (request, reply) => predict(request, reply, means),
  });
}

async function predict(
  request: FastifyRequest,
  reply: FastifyReply,
  { batcher, metrics, options }: Means,
): Promise<object> {
  const asked = requestOptions(request.query);
  const images = await imagesOf(request, mostImages(options));
  const outcomes = await batcher.submit(images, asked, request.getDecorator<Deadline>('deadline'));
  count(metrics, outcomes);
  const [first] = outcomes;
  // One image that is none is the request's own fault; among others it is told apart.
  if (first && 'problem' in first && outcomes.every(outcome => 'problem' in outcome)) {
    void reply.code(422);
    return { error: first.problem };
  }
  return {
    predictions: outcomes.map(outcome =>
      'problem' in outcome ? { error: outcome.problem } : outcome.prediction,
    ),
  };
}

function requestOptions(query: unknown): RequestOptions {
  const parsed = RequestOptions.safeParse(query);
  if (parsed.success) return parsed.data;
  throw new UsageError({
    problem: 'the query is not understood',
    given: z.prettifyError(parsed.error),
    allowed:
      'threshold (above 0, up to 1) or budget (Multi-Adds, e.g. 12M, or milliseconds, e.g. 8ms), topK (1 or more)',
  });
}

function count({ steps, exits }: Metrics, outcomes: readonly ImageOutcome[]): void {
  for (const outcome of outcomes) {
    if (!('prediction' in outcome)) continue;
    steps.observe(outcome.prediction.steps);
    exits.inc({ step: outcome.prediction.steps });
  }
}
