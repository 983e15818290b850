/** What the server tells Prometheus of itself. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

export interface Metrics {
  readonly registry: Registry;
  /** Prediction requests that were answered, by status code. */
  readonly requests: Counter<'code'>;
  /** Seconds from a prediction request's arrival, before its body, to its answer. */
  readonly latency: Histogram;
  /** Steps that images took. */
  readonly steps: Histogram;
  /** Images by the step they left after. */
  readonly exits: Counter<'step'>;
  /** Images computed together. */
  readonly batches: Histogram;
  /** Processes that ended unasked. */
  readonly lost: Counter;
}

/** @param now what is read when metrics are asked for: images that wait, processes that run */
export function createMetrics(now: { queue: () => number; workers: () => number }): Metrics {
  const registry = new Registry();
  const registers = [registry];
  new Gauge({
    name: 'gfnet_queue_images',
    help: 'Images that wait to be computed.',
    registers,
    collect() {
      this.set(now.queue());
    },
  });
  new Gauge({
    name: 'gfnet_workers',
    help: 'Processes with the model.',
    registers,
    collect() {
      this.set(now.workers());
    },
  });
  return {
    registry,
    requests: new Counter({
      name: 'gfnet_requests_total',
      help: 'Prediction requests that were answered, by status code.',
      labelNames: ['code'],
      registers,
    }),
    latency: new Histogram({
      name: 'gfnet_request_seconds',
      help: 'Time from a prediction request’s arrival, before its body, to its answer.',
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
    steps: new Histogram({
      name: 'gfnet_steps',
      help: 'Steps that images took.',
      buckets: [1, 2, 3, 4, 5, 6, 8, 10],
      registers,
    }),
    exits: new Counter({
      name: 'gfnet_exits_total',
      help: 'Images by the step they left after.',
      labelNames: ['step'],
      registers,
    }),
    batches: new Histogram({
      name: 'gfnet_batch_images',
      help: 'Images computed together.',
      buckets: [1, 2, 4, 8, 16, 32, 64],
      registers,
    }),
    lost: new Counter({
      name: 'gfnet_workers_lost_total',
      help: 'Processes that ended unasked and were replaced.',
      registers,
    }),
  };
}
