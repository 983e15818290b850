/** How accuracy and cost change as images get worse. */
import type { Results } from '../evaluation/index.js';
import { axis, chart, color, type Figure, type Key } from './chart.js';
import { integer } from './format.js';
import { html, nothing, type Html } from './html.js';
import { tableView } from './table-view.js';
import { robustnessTable } from './tables.js';

type Robustness = NonNullable<Results['robustness']>;
type DegradedSet = Robustness['sets'][number];

/** One for each corruption; dashed from the seventh on. */
const hues = ['learned', 'random', 'early', 'wrong', 'centre', 'corners', 'saliency', 'oracle', 'ink'];
const solid = 6;

export function robustnessView({ robustness }: Results): Html {
  if (robustness === null) return nothing;
  return html`<section>
    <h2>On worse images</h2>
    <p>
      The first ${integer(robustness.images)} test images, made worse with the constants of ${robustness.from}
      (Hendrycks and Dietterich 2019; translation: by 2 to 10 % of the side). Early exit keeps the thresholds
      that were fitted on good images: where it no longer knows, it looks more often, which costs.
    </p>
    <div class="columns">${severityFigures(robustness).map(chart)}</div>
    ${tableView(robustnessTable(robustness))}
  </section>`;
}

export const severityNames = ['severity-error', 'severity-cost'] as const;

/** Error and cost. */
export function severityFigures({ sets }: Robustness): Figure[] {
  return [
    severityFigure(severityNames[0], 'error, early exit, %', sets, ({ early }) => 100 * (1 - early.accuracy)),
    severityFigure(
      severityNames[1],
      'mean Multi-Adds, millions',
      sets,
      ({ early }) => early.meanMultiAdds / 1e6,
    ),
  ];
}

function severityFigure(
  file: string,
  quantity: string,
  sets: readonly DegradedSet[],
  value: (set: DegradedSet) => number,
): Figure {
  const clean = sets.find(({ severity }) => severity === 0);
  const names = [...new Set(sets.map(({ corruption }) => corruption))].filter(
    name => name !== clean?.corruption,
  );
  const hue = (i: number) => color(hues[i % hues.length] ?? 'ink');
  const legend = names.map((name, i): Key => ({ name, color: hue(i), mark: i < solid ? '━' : '┅' }));
  return {
    name: file,
    label: `${quantity}, against severity, for each corruption`,
    legend,
    option: {
      xAxis: { type: 'value', min: 0, max: 5, ...axis('severity (0: as they are)', 30) },
      yAxis: { type: 'value', min: 0, ...axis(quantity, 42) },
      series: names.map((name, i) => ({
        type: 'line' as const,
        data: sets
          .filter(set => set === clean || set.corruption === name)
          .map(set => ({
            name: `${name}, severity ${set.severity}: ${value(set).toFixed(2)}`,
            value: [set.severity, value(set)],
          })),
        symbol: 'circle',
        symbolSize: 6,
        lineStyle: { width: 2, color: hue(i), type: i < solid ? ('solid' as const) : ('dashed' as const) },
        itemStyle: { color: hue(i) },
      })),
    },
  };
}
