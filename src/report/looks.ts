/** Where the learned policy looked in each step: a heat map, and its centre and spread in numbers. */
import type { Results } from '../evaluation/index.js';
import { stepColor } from './colors.js';
import { html, nothing, type Html } from './html.js';
import { tableView } from './table-view.js';
import { movementTable } from './tables.js';

export function looksView(results: Results): Html {
  const { looks } = results;
  return html`<div class="looks">${looks.map(look => heatMap(look.grid, look.step))}</div>
    ${tableView({
      title: 'Place of the crops in [0, 1]: mean ± standard deviation over the test images',
      head: ['Step', 'row', 'column'],
      rows: looks.map(({ step, grid }) => [
        String(step),
        moments(grid.map(row => row.reduce((a, b) => a + b, 0))),
        moments(grid.map((_, column) => grid.reduce((sum, row) => sum + (row[column] ?? 0), 0))),
      ]),
    })}
    ${tableView(movementTable(results))} ${byClass(results)}`;
}

function byClass({ looks, classes }: Results): Html {
  if (looks.every(look => look.classes.length === 0)) return nothing;
  return html`<details>
    <summary>Class by class</summary>
    ${looks.map(
      look =>
        html`<h3>Step ${look.step}</h3>
          <div class="looks small">
            ${look.classes.map((grid, c) => heatMap(grid, look.step, classes[c]))}
          </div>`,
    )}
  </details>`;
}

type Grid = Results['looks'][number]['grid'];

/** `of`: the class whose images are counted; all where it is absent. */
function heatMap(grid: Grid, step: number, of?: string): Html {
  const largest = Math.max(...grid.flat());
  return html`<figure>
    <svg
      viewBox="0 0 ${grid.length} ${grid.length}"
      role="img"
      shape-rendering="crispEdges"
      aria-label="Where step ${step} looked${of === undefined ? '' : ` at images of ${of}`}: the darker, the more images"
      style="color:${stepColor(step)}"
    >
      ${grid.flatMap((row, r) =>
        row.map((share, c) =>
          share === 0
            ? ''
            : html`<rect
                x="${c}"
                y="${r}"
                width="1"
                height="1"
                fill="currentColor"
                fill-opacity="${Math.sqrt(share / largest).toFixed(3)}"
              />`,
        ),
      )}
    </svg>
    <figcaption>${of ?? `step ${step}`}</figcaption>
  </figure>`;
}

/** Mean and standard deviation of a place in [0, 1] from the shares of equal cells. */
function moments(shares: readonly number[]): string {
  const at = (i: number) => (i + 0.5) / shares.length;
  const mean = shares.reduce((sum, share, i) => sum + share * at(i), 0);
  const variance = shares.reduce((sum, share, i) => sum + share * (at(i) - mean) ** 2, 0);
  return `${mean.toFixed(2)} ± ${Math.sqrt(variance).toFixed(2)}`;
}
