/** Budgets with a guarantee: what each promise costs, and how often it was kept on random halves. */
import type { Results } from '../evaluation/index.js';
import { axis, chart, color, type Figure } from './chart.js';
import { percent } from './format.js';
import { html, type Html } from './html.js';
import { tableView } from './table-view.js';
import { guaranteesTable } from './tables.js';

const bins = 24;

export function riskView(results: Results): Html {
  const { maxDrop, confidence, coverage } = results.risk;
  const { drops, exceeded } = coverage;
  return html`<div class="columns">
      ${chart(coverageFigure(results))}
      <div>
        <p>
          Thresholds that lose at most so much accuracy against all steps, with a confidence of
          ${percent(confidence, 0)} % over the draw of the validation images, whatever they are like (Learn
          then Test): <b>overall</b>; in <b>every class</b> at once; and <b>spoiled</b>: the share of images
          that all steps answer rightly and early exit does not. Sources count, not images.
        </p>
        <p>
          Tried ${drops.length} times, each time chosen on a random half of all validation and test sources
          and measured on the other half: the other half lost more than ${percent(maxDrop, 1)} points
          ${exceeded} times (${percent(exceeded / drops.length, 1)} %; at most ${percent(1 - confidence, 0)} %
          is promised of the loss on all images there could be, to which a half adds its own chance).
        </p>
      </div>
    </div>
    ${tableView(guaranteesTable(results))}`;
}

export function coverageFigure({ risk }: Results): Figure {
  const { maxDrop, coverage } = risk;
  const { drops } = coverage;
  const low = Math.min(0, ...drops);
  const width = (Math.max(maxDrop * 1.2, ...drops) - low) / bins;
  const counts = Array.from({ length: bins }, () => 0);
  for (const drop of drops) {
    const bin = Math.min(bins - 1, Math.floor((drop - low) / width));
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  const at = (bin: number) => low + (bin + 0.5) * width;
  const series = (kept: boolean) => ({
    type: 'bar' as const,
    stack: 'halves',
    barCategoryGap: '8%',
    data: counts.map((count, bin) => ({
      name: `${count} halves lost about ${percent(at(bin))} points`,
      value: at(bin) <= maxDrop === kept ? count : 0,
    })),
    itemStyle: { color: color(kept ? 'early' : 'wrong') },
  });
  return {
    name: 'guarantee',
    label: `Accuracy lost on ${drops.length} random halves by thresholds chosen on the other halves to lose at most ${percent(maxDrop, 1)} points`,
    legend: [
      { name: `at most ${percent(maxDrop, 1)} points lost`, color: color('early'), mark: '■' },
      { name: 'more', color: color('wrong'), mark: '■' },
    ],
    option: {
      xAxis: {
        type: 'category',
        data: counts.map((_, bin) => percent(at(bin))),
        ...axis('accuracy lost on the other half, points', 30),
      },
      yAxis: { type: 'value', ...axis('splits', 42) },
      series: [series(true), series(false)],
    },
  };
}
