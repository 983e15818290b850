/** A training as text, as `gfnet watch` shows it. */
import type { RunView } from '../checkpoint/run-view.js';
import type { MetricRow } from '../checkpoint/metrics.js';
import { integer, percent } from './format.js';
import { sparkline } from './sparkline.js';
import { renderTable } from './terminal.js';

const barWidth = 30;

/** @param width of the terminal, in characters */
export function renderWatch(runs: readonly RunView[], width: number): string {
  const shown = current(runs);
  const others = runs.filter(run => run !== shown).map(run => `${headline(run)}\n`);
  if (shown === undefined) return others.join('');
  const lines = [
    headline(shown),
    ...progressLines(shown),
    '',
    ...(shown.metrics.length > 0 ? [metricsTable(shown.metrics)] : ['no epoch is complete yet', '']),
    ...shown.log.map(line => (line.length > width ? `${line.slice(0, width - 1)}…` : line)),
    '',
  ];
  return others.join('') + lines.join('\n');
}

/** The one that is at work, or the last that was. */
function current(runs: readonly RunView[]): RunView | undefined {
  const [latest] = runs
    .filter(({ progress }) => progress !== undefined)
    .sort((a, b) => (b.progress?.updated ?? '').localeCompare(a.progress?.updated ?? ''));
  return latest ?? runs.at(-1);
}

function headline({ path, state, metrics, progress }: RunView): string {
  const best = Math.max(...metrics.map(row => lastAccuracy(row) ?? -Infinity));
  const accuracy = Number.isFinite(best) ? `, best validation accuracy ${percent(best, 1)} %` : '';
  const epochs = progress ? `, epoch ${progress.epoch} of ${progress.epochs}` : '';
  return `${path}: ${state}${epochs}${accuracy}`;
}

function progressLines({ progress, state }: RunView): string[] {
  if (progress === undefined) return [];
  const { epoch, epochs, batch, batches, loss, imagesPerSecond, secondsLeft } = progress;
  const share = ((epoch - 1) * batches + batch) / (epochs * batches);
  const full = Math.round(share * barWidth);
  const working = state === 'training' || state === 'validating';
  const facts = [
    `${percent(share, 1)} %`,
    `batch ${integer(batch)} of ${integer(batches)}`,
    ...(loss === null ? [] : [`loss ${loss.toFixed(3)}`]),
    ...(imagesPerSecond === null ? [] : [`${imagesPerSecond.toFixed(0)} images/s`]),
    ...(working && secondsLeft !== null ? [`${duration(secondsLeft)} left`] : []),
  ];
  return [`${'█'.repeat(full)}${'░'.repeat(barWidth - full)} ${facts.join(' | ')}`];
}

function metricsTable(rows: readonly MetricRow[]): string {
  const names = Object.keys(rows.at(-1) ?? {}).filter(name => name !== 'epoch');
  return renderTable({
    title: `After ${rows.length} epochs (docs/metrics.md says what each is, and what is healthy)`,
    head: ['metric', 'first', 'last', 'lowest', 'highest', 'since the start'],
    rows: names.map(name => {
      const values = rows.map(row => row[name] ?? NaN);
      const finite = values.filter(Number.isFinite);
      return [
        name,
        ...[values[0], values.at(-1), Math.min(...finite), Math.max(...finite)].map(value =>
          (value ?? NaN).toPrecision(4),
        ),
        sparkline(values),
      ];
    }),
  });
}

/** Of the last step. */
export function lastAccuracy(row: MetricRow): number | undefined {
  const steps = Object.keys(row).filter(name => name.startsWith('validation'));
  return row[`validation${steps.length}`];
}

function duration(seconds: number): string {
  const minutes = Math.round(seconds / 60);
  if (seconds < 60) return `${Math.round(seconds)} s`;
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
