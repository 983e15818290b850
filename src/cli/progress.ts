/** Progress of a training stage: a bar with the time left on a terminal, a line an epoch elsewhere. */
import cliProgress from 'cli-progress';
import type { ProgressReport } from '../../training/loop.js';
import type { MetricRow } from '../checkpoint/metrics.js';

export interface Progress {
  readonly onProgress: (report: ProgressReport) => void;
  readonly onEpoch: (row: MetricRow, epochs: number) => void;
  stop(): void;
}

const percent = (share: number | undefined): string => (100 * (share ?? 0)).toFixed(1);

function perStep(row: MetricRow, prefix: string): string {
  const values: string[] = [];
  for (let t = 1; row[`${prefix}${t}`] !== undefined; t++) values.push(percent(row[`${prefix}${t}`]));
  return values.join(' / ');
}

export function trainingProgress(stage: string): Progress {
  const bar = new cliProgress.SingleBar({
    format: `${stage} {bar} {percentage}% | epoch {epoch}/{epochs} | loss {loss} | accuracy {accuracy} % | {speed} images/s | {eta_formatted} left`,
    clearOnComplete: true,
    hideCursor: true,
    etaBuffer: 50,
  });
  const started = performance.now();
  let running = false;
  let speed = '0';
  let done = 0;
  return {
    onProgress(report) {
      speed = report.imagesPerSecond.toFixed(0);
      if (!process.stderr.isTTY) return;
      const batches = (report.epoch - 1) * report.batches + report.batch;
      const shown = {
        epoch: report.epoch,
        epochs: report.epochs,
        loss: report.loss.toFixed(3),
        accuracy: report.accuracy.map(percent).join(' / '),
        speed,
      };
      if (running) bar.update(batches, shown);
      else bar.start(report.epochs * report.batches, batches, shown);
      running = true;
    },
    onEpoch(row, epochs) {
      const seconds = (performance.now() - started) / 1000;
      done++;
      const left = Math.round((seconds / done) * (epochs - row.epoch));
      const line = `${stage} epoch ${row.epoch}/${epochs}: loss ${(row.loss ?? 0).toFixed(3)}, accuracy by step % ${perStep(row, 'train')} (training), ${perStep(row, 'validation')} (validation), ${speed} images/s, ${seconds.toFixed(0)} s, ${left} s left`;
      if (!process.stderr.isTTY) process.stderr.write(`${line}\n`);
    },
    stop() {
      bar.stop();
    },
  };
}

/** Progress of work that counts images: a bar with the time left on a terminal, nothing elsewhere. */
export function countingProgress(name: string): {
  readonly update: (done: number, total: number) => void;
  readonly stop: () => void;
} {
  const bar = new cliProgress.SingleBar({
    format: `${name} {bar} {percentage}% | {value}/{total} images | {eta_formatted} left`,
    clearOnComplete: true,
    hideCursor: true,
  });
  return {
    update(done, total) {
      if (!process.stderr.isTTY) return;
      if (bar.isActive) bar.update(done);
      else bar.start(total, done);
    },
    stop: () => {
      bar.stop();
    },
  };
}
