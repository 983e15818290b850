/** Whether confidence means what it says, step by step, and what else could decide who leaves. */
import type { Results } from '../evaluation/index.js';
import { axis, chart, color, type Figure } from './chart.js';
import { integer, percent } from './format.js';
import { html, type Html } from './html.js';
import { tableView } from './table-view.js';
import { calibrationTable, criteriaTable } from './tables.js';

type Row = Results['calibration'][number];

export function calibrationView(results: Results): Html {
  return html`<p>
      Images are put in 15 bins by confidence; where confidence means what it says, the share of right answers
      in a bin is its mean confidence, and the curve lies on the diagonal. Temperatures are fitted on
      validation, one a step.
    </p>
    <div class="columns">${results.calibration.map(row => chart(reliabilityFigure(row)))}</div>
    ${tableView(calibrationTable(results))} ${tableView(criteriaTable(results))}
    <p>
      Calibrated confidence uses the temperatures above; margin is the lead over the second class; entropy is
      1 − H / log(classes); patience counts the steps that agreed in a row.
    </p>`;
}

export function reliabilityFigure({ step, temperature, before, after }: Row): Figure {
  const line = (reliability: Row['before'], name: string) => ({
    type: 'line' as const,
    data: reliability.bins
      .filter(({ images }) => images > 0)
      .map(({ images, confidence, accuracy }) => ({
        name: `${integer(images)} images: confidence ${percent(confidence)} %, right ${percent(accuracy)} %`,
        value: [100 * confidence, 100 * accuracy],
      })),
    symbol: 'circle',
    symbolSize: 7,
    lineStyle: { width: 2, color: color(name) },
    itemStyle: { color: color(name) },
  });
  const percents = { type: 'value' as const, min: 0, max: 100 };
  return {
    name: `reliability-step${step}`,
    label: `Share of right answers against confidence after step ${step}, before and after temperature ${temperature.toFixed(2)}`,
    legend: [
      { name: `step ${step}, as it is`, color: color('random'), mark: '●' },
      { name: `temperature ${temperature.toFixed(2)}`, color: color('learned'), mark: '●' },
      { name: 'what confidence says', color: color('muted'), mark: '┅' },
    ],
    option: {
      xAxis: { ...percents, ...axis('confidence, %', 30) },
      yAxis: { ...percents, ...axis('right, %', 42) },
      series: [
        {
          type: 'line',
          data: [
            [0, 0],
            [100, 100],
          ],
          showSymbol: false,
          lineStyle: { width: 1.5, type: 'dashed', color: color('muted') },
        },
        line(before, 'random'),
        line(after, 'learned'),
      ],
    },
  };
}
