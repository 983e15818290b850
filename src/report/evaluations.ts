/** Several runs in one page, in one set of tables and figures, and in the terminal. */
import type { Comparison } from '../evaluation/index.js';
import { axis, chart, color, runColor, type Figure } from './chart.js';
import { point } from './charts.js';
import { filesOf, type ResultFile } from './files.js';
import { errorRate, integer, interval, multiAdds, percent } from './format.js';
import { html, type Html } from './html.js';
import { page } from './page.js';
import { tableView } from './table-view.js';
import type { Table } from './tables.js';
import { renderTable } from './terminal.js';

const tables = (comparison: Comparison): Table[] =>
  [modelsTable, accuracyTable, earlyTable, budgetsTable, staticsTable]
    .map(table => table(comparison))
    .filter(({ rows }) => rows.length > 0);

/** The whole file's text. */
export function evaluationsPage(comparison: Comparison): string {
  const { runs, command } = comparison;
  const [first] = runs;
  const lead = html`<p class="lead">
    ${testOf(comparison)} The accuracy of each run is compared with that of ${first?.name ?? ''} on the same
    images.
  </p>`;
  const body = html`<section>
      <h2>What accuracy costs</h2>
      <div class="columns">${chart(anytimeFigure(comparison))} ${chart(earlyFigure(comparison))}</div>
      ${tables(comparison).map(tableView)}
    </section>
    <section>
      <h2>Each by itself</h2>
      <ul>
        ${runs.map(({ name }) => html`<li><a href="${encodeURIComponent(name)}/report.html">${name}</a></li>`)}
      </ul>
    </section>
    ${provenance(command)}`;
  return page(runs.map(({ name }) => name).join(', '), lead, body);
}

function provenance(command: string): Html {
  return html`<footer>
    <p>Made by <code>${command}</code>.</p>
    <p>
      Each run's thresholds were fitted on its own validation images; all figures are of test images. ± is one
      standard error, with images of one source counted together; intervals are 95 %, by the bootstrap over
      sources.
    </p>
  </footer>`;
}

function testOf({ runs }: Comparison): string {
  const [first] = runs;
  if (first === undefined) return '';
  const { name, images, sources } = first.results.test;
  return `${runs.length} runs on ${name}: ${integer(images)} images of ${integer(sources)} sources.`;
}

/** As plain text, ending in a line break. */
export function evaluationsText(comparison: Comparison): string {
  return [`${testOf(comparison)}\n`, ...tables(comparison).map(renderTable)].join('\n');
}

/** Every table with all its digits, and every figure. */
export function evaluationsFiles(comparison: Comparison): ResultFile[] {
  const { runs, budgets } = comparison;
  return filesOf(
    {
      steps: runs.flatMap(({ name, results }) =>
        results.policies.flatMap(({ name: policy, steps }) =>
          steps.map(step => ({ run: name, policy, ...step })),
        ),
      ),
      'early-exit': runs.map(({ name, ahead, results }) => ({ run: name, ...results.fullAccuracy, ahead })),
      budgets: budgets.flatMap(({ budget, points }) =>
        points.flatMap((found, i) => (found ? [{ run: runs[i]?.name ?? '', budget, ...found }] : [])),
      ),
      statics: runs.flatMap(({ name, results }) => results.statics.map(row => ({ run: name, ...row }))),
    },
    [anytimeFigure(comparison), earlyFigure(comparison)],
  );
}

function anytimeFigure({ runs }: Comparison): Figure {
  return costFigure(
    'accuracy-steps',
    'Accuracy against Multi-Adds after each step of each run',
    runs.map(({ name, results }) => ({
      name,
      data: (results.policies[0]?.steps ?? []).map(row =>
        point(row.multiAdds, row, `${name}, step ${row.step}`),
      ),
    })),
    runs.flatMap(({ name, results }) =>
      results.statics.map(row => point(row.multiAdds, row, `${row.name} beside ${name}`)),
    ),
  );
}

function earlyFigure({ runs, budgets }: Comparison): Figure {
  return costFigure(
    'accuracy-budget',
    'Accuracy against mean Multi-Adds of each run, stopping early within the same budgets',
    runs.map(({ name }, i) => ({
      name,
      data: budgets.flatMap(({ budget, points }) => {
        const found = points[i];
        return found ? [point(found.meanMultiAdds, found, `${name} within ${multiAdds(budget)}`)] : [];
      }),
    })),
  );
}

type Point = ReturnType<typeof point>;

function costFigure(
  name: string,
  label: string,
  curves: readonly { readonly name: string; readonly data: Point[] }[],
  statics: Point[] = [],
): Figure {
  return {
    name,
    label,
    legend: [
      ...curves.map(({ name }, i) => ({ name, color: runColor(i), mark: '●' })),
      ...(statics.length > 0 ? [{ name: 'plain networks', color: color('ink'), mark: '◆' }] : []),
    ],
    option: {
      xAxis: { type: 'value', scale: true, ...axis('mean Multi-Adds, millions', 30) },
      yAxis: { type: 'value', scale: true, max: 100, ...axis('accuracy, %', 42) },
      series: [
        ...curves.map(({ data }, i) => ({
          type: 'line' as const,
          data,
          symbol: 'circle',
          symbolSize: 8,
          lineStyle: { width: 2, color: runColor(i) },
          itemStyle: { color: runColor(i) },
        })),
        {
          type: 'scatter' as const,
          data: statics,
          symbol: 'diamond',
          symbolSize: 13,
          itemStyle: { color: color('ink') },
        },
      ],
    },
  };
}

function modelsTable({ runs }: Comparison): Table {
  return {
    title: 'What was compared',
    head: ['Run', 'parameters', 'image', 'patch', 'steps', 'network'],
    rows: runs.map(({ name, results: { model } }) => [
      name,
      integer(model.parameters),
      `${model.image} px`,
      `${model.patch} px`,
      String(model.steps),
      model.architecture,
    ]),
  };
}

function accuracyTable({ runs }: Comparison): Table {
  const steps = Math.max(...runs.map(({ results }) => results.model.steps));
  return {
    title: 'Error % after each step (Multi-Adds so far)',
    head: ['Run', ...Array.from({ length: steps }, (_, t) => `step ${t + 1}`)],
    rows: runs.map(({ name, results }) => [
      name,
      ...Array.from({ length: steps }, (_, t) => {
        const row = results.policies[0]?.steps[t];
        return row ? `${errorRate(row)} (${multiAdds(row.multiAdds)})` : '–';
      }),
    ]),
  };
}

type Difference = Comparison['runs'][number]['ahead']['early'];

function earlyTable({ runs }: Comparison): Table {
  const ahead = ({ mean, interval: ends }: Difference, i: number): string =>
    i === 0 ? '–' : `${percent(mean)} (${interval(ends)})`;
  return {
    title: `Points of accuracy ahead of ${runs[0]?.name ?? ''} (95 % interval), and early exit at each run's full accuracy`,
    head: [
      'Run',
      'ahead, all steps',
      'ahead, early',
      'error %, early',
      'mean Multi-Adds',
      'mean steps',
      'images/s, early',
      'images/s, all steps',
    ],
    rows: runs.map(({ name, ahead: { allSteps, early }, results: { fullAccuracy, timing } }, i) => [
      name,
      ahead(allSteps, i),
      ahead(early, i),
      errorRate(fullAccuracy),
      multiAdds(fullAccuracy.meanMultiAdds),
      fullAccuracy.meanSteps.toFixed(2),
      timing ? timing.earlyExitImagesPerSecond.toFixed(0) : '–',
      timing ? timing.allStepsImagesPerSecond.toFixed(0) : '–',
    ]),
  };
}

function budgetsTable({ runs, budgets }: Comparison): Table {
  return {
    title: 'Error % within the same budget of mean Multi-Adds (spent): thresholds fitted on validation',
    head: ['Budget', ...runs.map(({ name }) => name)],
    rows: budgets.map(({ budget, points }) => [
      multiAdds(budget),
      ...points.map(found => (found ? `${errorRate(found)} (${multiAdds(found.meanMultiAdds)})` : '–')),
    ]),
  };
}

function staticsTable({ runs }: Comparison): Table {
  return {
    title: 'Plain networks',
    head: ['Network', 'beside', 'Multi-Adds', 'error %'],
    rows: runs.flatMap(({ name, results }) =>
      results.statics.map(row => [row.name, name, multiAdds(row.multiAdds), errorRate(row)]),
    ),
  };
}
