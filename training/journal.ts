/** What a run leaves behind: metrics, events, checkpoints, log, and how far it is. Of several workers the first alone keeps one. */
import type { CheckpointContent } from '../src/checkpoint/checkpoint.js';
import { saveCheckpoint } from '../src/checkpoint/checkpoint.js';
import { EventsWriter } from '../src/checkpoint/events.js';
import type { MetricDefinition, MetricRow } from '../src/checkpoint/metrics.js';
import { MetricsFile, readMetrics } from '../src/checkpoint/metrics.js';
import type { RunWriter } from '../src/checkpoint/run-folder.js';
import { Beacon } from './beacon.js';

export interface Journal extends Pick<Beacon, 'tick' | 'enter'> {
  /** After an epoch. */
  row(row: MetricRow): void;
  save(name: 'best' | 'last', content: () => CheckpointContent): void;
  log(line: string): void;
  close(): void;
}

type Definitions = Readonly<Record<string, MetricDefinition>> & { readonly epoch: MetricDefinition };

export interface Plan {
  readonly definitions: Definitions;
  readonly epochs: number;
  /** Of an epoch. */
  readonly batches: number;
  readonly batchSize: number;
  /** Epochs completed. */
  readonly epoch: number;
}

/** @param run undefined: nothing is kept */
export function journalOf(
  run: RunWriter | undefined,
  { definitions, epochs, batches, batchSize, epoch }: Plan,
): Journal {
  if (!run) return silent;
  const metrics = new MetricsFile(run.metrics, definitions);
  metrics.truncateAfter(epoch);
  const events = new EventsWriter(run.events, readMetrics(run.metrics));
  const beacon = new Beacon(run.progress, epochs, batches, batchSize, epoch);
  return {
    row(row) {
      metrics.append(row);
      events.append(row);
    },
    save: (name, content) => saveCheckpoint(run.checkpoints, name, content()),
    log: run.log,
    tick: now => beacon.tick(now),
    enter: state => beacon.enter(state),
    close: () => events.close(),
  };
}

const nothing = (): void => undefined;
const silent: Journal = {
  row: nothing,
  save: nothing,
  log: nothing,
  tick: nothing,
  enter: nothing,
  close: nothing,
};
