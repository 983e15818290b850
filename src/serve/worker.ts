/** A child process of the server: has the model, and computes what it is sent. ONNX Runtime blocks its loop, and not the server's. */
import { UsageError } from '../errors/index.js';
import { openBundle } from '../predict/bundle.js';
import { Predictor } from '../predict/predictor.js';
import type { ImageOutcome, WorkerMessage, WorkerSetting, Work } from './messages.js';
import { reasonOf } from './messages.js';

const send = (message: WorkerMessage): void => void process.send?.(message);

// The server decides when its children end, also where a terminal signals all of them.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);
process.on('SIGHUP', () => undefined);
process.on('disconnect', () => process.exit());

process.once('message', (setting: WorkerSetting) => void start(setting));

async function start({ bundle, threads, maxPixels }: WorkerSetting): Promise<void> {
  try {
    const model = new Predictor(await openBundle(bundle, { threads }));
    process.on('message', (work: Work) => void answer(model, maxPixels, work));
    send({ kind: 'ready' });
  } catch (error) {
    send({ kind: 'failed', problem: reasonOf(error) });
  }
}

async function answer(model: Predictor, maxPixels: number, { id, images, options }: Work): Promise<void> {
  try {
    const outcomes: ImageOutcome[] = [];
    const { threshold, budget, topK } = options;
    const asked = {
      maxPixels,
      batchSize: images.length,
      ...(threshold !== undefined && { threshold }),
      ...(budget !== undefined && { budget }),
      ...(topK !== undefined && { topK }),
    };
    for await (const outcome of model.stream(images, asked)) {
      if ('error' in outcome) outcomes.push({ problem: reasonOf(outcome.error) });
      else outcomes.push({ prediction: outcome.prediction });
    }
    send({ kind: 'done', id, outcomes });
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    send({ kind: 'refused', id, problem: reasonOf(error) });
  }
}
