/** Trainings side by side: what was set otherwise, and what came of it. */
import type { LineSeriesOption } from 'echarts';
import type { RunView } from '../checkpoint/run-view.js';
import { axis, chart, runColor, type Figure } from './chart.js';
import { html, type Html } from './html.js';
import { page } from './page.js';
import { sparkline } from './sparkline.js';
import { tableView } from './table-view.js';
import type { Table } from './tables.js';
import { renderTable } from './terminal.js';
import { lastAccuracy } from './watch.js';

interface ComparedRun extends Pick<RunView, 'stage' | 'seed' | 'state' | 'metrics'> {
  /** As it was given. */
  readonly name: string;
  /** Every setting by its dotted name. */
  readonly settings: ReadonlyMap<string, string>;
}

interface ComparedStage {
  readonly stage: string;
  readonly runs: readonly ComparedRun[];
  /** The settings that are not the same in all. */
  readonly differences: readonly { readonly key: string; readonly values: readonly string[] }[];
}

/** Of the runs of each stage, in the order of the stages; `path` is what the user gave. */
export function compareRuns(
  given: readonly { readonly path: string; readonly runs: readonly RunView[] }[],
): ComparedStage[] {
  const all = given.flatMap(({ path, runs }) =>
    runs.map(({ config, ...run }): ComparedRun => ({ ...run, name: path, settings: new Map(flat(config)) })),
  );
  const stages = [...new Set(all.map(({ stage }) => stage))];
  return stages.map(stage => {
    const runs = all.filter(run => run.stage === stage);
    const keys = [...new Set(runs.flatMap(({ settings }) => [...settings.keys()]))];
    const differences = keys
      .map(key => ({ key, values: runs.map(({ settings }) => settings.get(key) ?? 'not set') }))
      .filter(({ values }) => new Set(values).size > 1);
    return { stage, runs, differences };
  });
}

function flat(value: unknown, prefix = ''): [string, string][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return [[prefix, typeof value === 'string' ? value : JSON.stringify(value)]];
  }
  return Object.entries(value).flatMap(([key, inner]) => flat(inner, prefix ? `${prefix}.${key}` : key));
}

function outcomes({ stage, runs }: ComparedStage): Table {
  return {
    title: `${stage}: what came of it`,
    head: ['run', 'state', 'seed', 'epochs', 'loss', 'best validation %', 'in epoch', 'last %'],
    rows: runs.map(({ name, state, seed, metrics }) => {
      const accuracies = metrics.map(row => lastAccuracy(row) ?? NaN);
      const best = Math.max(...accuracies.filter(Number.isFinite));
      const shown = (value: number | undefined): string =>
        value !== undefined && Number.isFinite(value) ? (100 * value).toFixed(2) : '-';
      return [
        name,
        state,
        String(seed),
        String(metrics.length),
        metrics.at(-1)?.loss?.toFixed(4) ?? '-',
        shown(best),
        String(metrics[accuracies.indexOf(best)]?.epoch ?? '-'),
        shown(accuracies.at(-1)),
      ];
    }),
  };
}

function settings({ stage, runs, differences }: ComparedStage): Table {
  return {
    title: `${stage}: set otherwise`,
    head: ['key', ...runs.map(({ name }) => name)],
    rows: differences.map(({ key, values }) => [key, ...values]),
  };
}

const tablesOf = (stage: ComparedStage): Table[] =>
  stage.differences.length > 0 ? [outcomes(stage), settings(stage)] : [outcomes(stage)];

/** As text, ending in a line break. */
export function renderComparison(stages: readonly ComparedStage[]): string {
  return stages
    .flatMap(stage => [
      ...tablesOf(stage).map(renderTable),
      renderTable({
        title: `${stage.stage}: by epoch`,
        head: ['run', 'loss', 'validation'],
        rows: stage.runs.map(({ name, metrics }) => [
          name,
          sparkline(metrics.map(({ loss }) => loss ?? NaN)),
          sparkline(metrics.map(row => lastAccuracy(row) ?? NaN)),
        ]),
      }),
    ])
    .join('\n');
}

/** As one offline HTML file. */
export function renderComparisonPage(stages: readonly ComparedStage[]): string {
  const names = [...new Set(stages.flatMap(({ runs }) => runs.map(({ name }) => name)))];
  const lead = html`<p class="lead">${names.join(', ')}</p>`;
  return page('Trainings compared', lead, html`${stages.map(section)}`);
}

function section(stage: ComparedStage): Html {
  const of = (what: string, metric: (row: RunView['metrics'][number]) => number | undefined): Figure => ({
    name: `${stage.stage}-${what}`,
    label: `${what} by epoch in ${stage.stage}`,
    legend: stage.runs.map(({ name }, i) => ({ name, color: runColor(i), mark: '━' })),
    option: {
      xAxis: { type: 'value', minInterval: 1, ...axis('epoch', 30) },
      yAxis: { type: 'value', scale: true, ...axis(what, 48) },
      series: stage.runs.map(({ metrics }, i): LineSeriesOption => ({
        type: 'line',
        data: metrics.map(row => [row.epoch, metric(row) ?? NaN]),
        symbolSize: 5,
        lineStyle: { width: 2, color: runColor(i) },
        itemStyle: { color: runColor(i) },
      })),
    },
  });
  return html`<section>
    <h2>${stage.stage}</h2>
    <div class="columns">
      ${chart(of('loss', ({ loss }) => loss))}
      ${chart(of('validation accuracy, %', row => 100 * (lastAccuracy(row) ?? NaN)))}
    </div>
    ${tablesOf(stage).map(tableView)}
  </section>`;
}
