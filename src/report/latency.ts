/** What accuracy takes by the clock, one image at a time. */
import type { Results } from '../evaluation/index.js';
import { axis, chart, color, type Figure } from './chart.js';
import { errorRate, percent, threshold } from './format.js';
import { html, nothing, type Html } from './html.js';
import { tableView } from './table-view.js';
import type { Table } from './tables.js';

type Latency = NonNullable<Results['latency']>;

export function latencyView({ latency }: Results): Html {
  if (latency === null) return nothing;
  const { machine, images, steps } = latency;
  return html`<section>
    <h2>Within milliseconds</h2>
    <div class="columns">
      ${chart(latencyFigure(latency))}
      <div>
        <p>
          One image at a time on ${machine}: the steps take ${steps.map(time => time.toFixed(2)).join(', ')}
          ms each (medians over ${images} images). Thresholds were fitted on validation to these times instead
          of Multi-Adds; the means of milliseconds below are what the steps that were taken on test come to.
          By the clock: what early exit took on those ${images} images, and what their steps come to. Another
          machine has other times.
        </p>
      </div>
    </div>
    ${tableView(latencyTable(latency))}
  </section>`;
}

export const latencyName = 'accuracy-milliseconds';

export function latencyFigure({ curve, machine }: Latency): Figure {
  return {
    name: latencyName,
    label: `Accuracy against mean milliseconds for one image by itself, stopping early, on ${machine}`,
    legend: [{ name: 'learned, stopping early: direct search', color: color('early'), mark: '━' }],
    option: {
      xAxis: { type: 'value', scale: true, ...axis('mean time of one image, ms', 30) },
      yAxis: { type: 'value', scale: true, max: 100, ...axis('accuracy, %', 42) },
      series: [
        {
          type: 'line',
          data: [...curve]
            .sort((a, b) => a.meanMilliseconds - b.meanMilliseconds)
            .map(({ meanMilliseconds, accuracy, meanSteps }) => ({
              name: `${percent(accuracy)} % in ${meanMilliseconds.toFixed(2)} ms, ${meanSteps.toFixed(2)} steps`,
              value: [meanMilliseconds, 100 * accuracy],
            })),
          symbol: 'circle',
          symbolSize: 6,
          lineStyle: { width: 3, color: color('early') },
          itemStyle: { color: color('early') },
        },
      ],
    },
  };
}

export function latencyTable({ budgets, machine }: Latency): Table {
  return {
    title: `Budgets of milliseconds for one image by itself, on ${machine}: thresholds fitted on validation, figures on test`,
    head: [
      'Budget, ms',
      'mean ms',
      'by the clock / counted',
      'mean steps',
      'error %',
      'leave at step, %',
      'thresholds',
    ],
    rows: budgets.map(point => [
      point.budget.toFixed(2),
      point.meanMilliseconds.toFixed(2),
      point.clock ? `${point.clock.milliseconds.toFixed(2)} / ${point.clock.expected.toFixed(2)}` : '–',
      point.meanSteps.toFixed(2),
      errorRate(point),
      point.exitShares.map(share => percent(share, 1)).join(' / '),
      point.thresholds.slice(0, -1).map(threshold).join(' / ') || '–',
    ]),
  };
}
